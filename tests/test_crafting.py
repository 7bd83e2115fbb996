"""Options of adversarial training that need a compiler or a GPU, against float32 without them. Skipped where there is neither."""
import shutil
import pytest, torch
from torch import nn
from gradalign.data.core import Data, Pixels
from gradalign.models import FrozenBatchNorm2d, class_loss, eval_mode, resnet18, resnet18_cifar, wrap
from gradalign.training import Stream, fit, make_learner

compiler = pytest.mark.skipif(not any(map(shutil.which, ('g++', 'clang++'))), reason='no C++ compiler')
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')

def images(n=64, channels=1, side=8, classes=2):
    raw = torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Data('noise', 'train', Pixels(raw), torch.arange(n) % classes, (-1, 1), tuple(map(str, range(classes))))

def small():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 8, 3), FrozenBatchNorm2d(8), nn.ReLU(), nn.Dropout(.5), nn.Flatten(), nn.Linear(8*36, 1))
    return wrap(net.to(memory_format=torch.channels_last), box=(-1, 1))

def crafted(model, data, device='cpu', steps=10, **options):
    learn = make_learner(data, model, 'pgd', steps=1, batch=len(data), eps=.1, pgd_steps=steps, device=device, **options)
    learn.train_iter = 0
    x, y = next(data.batches(len(data), 0))
    learn.model.train()
    modes = [m.training for m in learn.model.modules()]
    x_adv = learn.pgd_training.craft(x.to(device), y.to(device), 1.)
    assert [m.training for m in learn.model.modules()] == modes and all(p.requires_grad for p in learn.model.parameters())
    with torch.no_grad(), eval_mode(model): return x_adv, class_loss(model(x_adv), y.to(device)).item()

@compiler
@pytest.mark.filterwarnings('ignore')
def test_compiled_search_finds_the_same():
    data = images()
    (plain, loss), (compiled, loss_c) = crafted(small(), data), crafted(small(), data, pgd_compile=True)
    assert (plain - compiled).abs().lt(1e-4).float().mean() > .99
    assert loss_c == pytest.approx(loss, rel=1e-4)

@compiler
@pytest.mark.filterwarnings('ignore')
def test_compiled_training_ends_where_the_plain_one_does():
    run = lambda **options: fit(make_learner(images(), small(), 'pgd', steps=6, batch=16, lr=1e-3, eps=.1, pgd_steps=3, device='cpu', **options))
    plain, compiled = run(), run(pgd_compile=True)
    for a, b in zip(plain.model.state_dict().values(), compiled.model.state_dict().values()): assert torch.allclose(a, b, atol=1e-4)
    assert list(plain.model.state_dict()) == list(compiled.model.state_dict())

@gpu
@pytest.mark.parametrize('options', [dict(pgd_autocast='bfloat16'), dict(pgd_compile=True), dict(pgd_autocast='bfloat16', pgd_compile=True)], ids=str)
@pytest.mark.parametrize('net, side, channels, classes', [(lambda: resnet18(1, seed=0), 28, 1, 2), (lambda: resnet18_cifar(seed=0), 32, 3, 10)], ids=['frozen', 'cifar'])
def test_on_a_gpu(net, side, channels, classes, options):
    data = images(32, channels, side, classes)
    model = lambda: wrap(net(), box=(-1, 1))
    (_, loss), (x_adv, other) = crafted(model(), data, 'cuda', 40), crafted(model(), data, 'cuda', 40, **options)
    x, y = next(data.batches(len(data), 0))
    with torch.no_grad(), eval_mode(m := model().cuda()): clean = class_loss(m(x.cuda()), y.cuda()).item()
    assert x_adv.dtype == torch.float32
    assert (other - clean)/(loss - clean) == pytest.approx(1, abs=.05)

@gpu
def test_bytes_become_numbers_on_the_gpu():
    data = images()
    for (x, y), (x_, _) in zip(_stream(data, 'cuda'), _stream(data, 'cpu')):
        assert x.device.type == 'cuda' and x.is_contiguous(memory_format=torch.channels_last)
        assert torch.allclose(x.cpu(), x_, atol=1e-6)

def _stream(data, device):
    stream = Stream(data, 16, 0, device)
    stream.seek(0, 4)
    return stream
