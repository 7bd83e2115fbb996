"""The report card as a newcomer meets it: the README's snippet, and the command in a process of its own."""
import re, subprocess, sys
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from conftest import ROOT

@pytest.fixture
def photos(tmp_path, monkeypatch):
    "A working folder with a dozen pictures in `photos`"
    rng = np.random.default_rng(0)
    (tmp_path/'photos').mkdir()
    for k in range(12): Image.fromarray(rng.integers(0, 255, (4, 5, 3), dtype=np.uint8)).resize((200, 160)).save(tmp_path/'photos'/f'{k}.jpg')
    monkeypatch.chdir(tmp_path)
    return tmp_path

def spread(net, folder):
    "Random weights whose predictions differ from picture to picture, as those of a trained network do"
    from gradalign.report_card.sources import Pictures
    x = Pictures(sorted((folder/'photos').iterdir()), 64)[:]
    with torch.no_grad():
        net.fc.weight *= 50
        net.fc.bias -= net.eval()((x - .45)/.225).mean(0)
    return net.state_dict()

def test_the_snippet_of_the_readme(photos, monkeypatch):
    from torchvision.models import _api, resnet18
    torch.manual_seed(0)
    weights = spread(resnet18(), photos)
    monkeypatch.setattr(_api, 'load_state_dict_from_url', lambda *a, **k: weights)   # what a machine with a network would download
    snippet, = [s for s in re.findall(r'```python\n(.*?)```', (ROOT/'README.md').read_text(encoding='utf-8'), re.S) if 'report_card' in s]
    short = snippet.replace('samples=50, minutes=10', 'samples=2, minutes=None, slow=1, steps=2, queries=10').replace('size=224', 'size=64')
    assert 'steps=2' in short and 'size=64' in short and len(snippet.strip().splitlines()) <= 12
    exec(short, space := {})
    card = space['card']
    assert (photos/'card'/'card.html').exists() and {'alpha_dx', 'rho', 'eps50_pgd_linf', 'eps50_square_linf'} <= set(card.summary.metric)
    assert card.examples.alpha_dx.notna().any() and any('nearest of 12 samples' in n for n in card.notes) and not card.masked

def test_the_minutes_of_the_snippet_are_kept(photos):
    import time
    from torchvision.models import resnet18
    from gradalign.report_card import Budget, measure
    torch.manual_seed(0)
    net = resnet18()
    net.load_state_dict(spread(net, photos))
    start = time.process_time()
    card = measure(net, photos/'photos', box=(0, 1), mean=.45, std=.225, size=64, labels='predicted', attacks=['pgd_l2'], budget=Budget(samples=12, minutes=.25), progress=False)   # on one core, beside another test
    assert time.process_time() - start < 60 and {'alpha_dx', 'rho'} <= set(card.summary.metric)

def test_the_command(photos):
    (photos/'nets.py').write_text('from torch import nn\ndef small(): return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 3))\n')
    done = subprocess.run([Path(sys.executable).with_name('gradalign'), 'measure', 'nets.py:small', 'photos', '--size', '32', '--box', '0', '1', '--samples', '12', '--attacks', 'pgd_l2', '--labels', 'predicted', '--out', 'card'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'ε50 PGD-L2' in done.stdout and (photos/'card'/'card.html').exists()

def test_the_command_on_a_network_of_timm(photos, capsys): # in this process: the test above has one of its own
    import timm
    from gradalign.report_card.command import main
    from safetensors.torch import save_file
    torch.manual_seed(0)
    save_file(timm.create_model('test_resnet').state_dict(), photos/'w.safetensors')
    argv = ['measure', 'timm:test_resnet', 'photos', '--weights', 'w.safetensors', '--size', '32', '--samples', '2', '--attacks', 'pgd_l2', '--steps', '2', '--labels', 'predicted', '--out', 'card']
    assert main(argv) == 0
    assert 'the model has 1000 classes' in capsys.readouterr().out and (photos/'card'/'card.html').exists()
