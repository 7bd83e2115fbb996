"""The plan of a profile: its counts against sums made by hand, and against protocol 13.3."""
import math
import pytest
import conftest  # noqa: F401, puts workflow/ on the path
import cost
from jobs import profile_file, profiles, read_profile

def rows(name, **options): return {r['name']: r for r in cost.plan(read_profile(profile_file(name)), **options)}

def toy(tmp_path, text, **options):
    (tmp_path/'toy.yaml').write_text('profile: toy\nseeds: [0]\n' + text)
    return {r['name']: r for r in cost.plan(read_profile(tmp_path/'toy.yaml'), **options)}

MLP = 2*(500*1000 + 1000*1000 + 1000*1)             # FLOPs of a forward pass of the Spheres classifier, by hand

def test_the_spheres_mlp_by_hand():
    net = cost.classifier('spheres')
    assert net.flops == MLP and net.weights == 1_503_001 + 4_000
    assert net.layers == 7 and net.activations == 6*1000 + 1  # linear, ReLU, batch norm, twice, and one logit

def test_a_narrower_sphere_costs_less(): assert cost.classifier('spheres', 100).flops == 2*(100*1000 + 1000*1000 + 1000)

@pytest.mark.parametrize('entry, passes', [('baseline: {steps: 10, batch: 5}', 3), ('alignment: {steps: 10, batch: 5, lambda_alpha: .1}', 6),
    ('pgd: {steps: 10, batch: 5, eps: .005, pgd_steps: 7}', 3 + 2*7), ('pgd: {steps: 10, batch: 5, eps: .005, pgd_steps: 7, clean_steps: 4}', (6*17 + 4*3)/10)])
def test_a_training_by_hand(tmp_path, entry, passes):
    found, = [r for r in toy(tmp_path, 'train: {spheres.%s}' % entry).values() if r['kind'] == 'train']
    assert found['flops'] == pytest.approx(10*5*passes*MLP)

def test_validation_by_hand(tmp_path):
    base = 'train: {spheres.baseline: {steps: 10, batch: 5, epoch: 5%s}}'
    extra = toy(tmp_path, base % ', select: best, validation: paper, n_valid: 30')['train spheres.baseline seed 0']['flops'] - toy(tmp_path, base % '')['train spheres.baseline seed 0']['flops']
    assert extra == pytest.approx(2*30*6*(2*40 + 1)*MLP)   # 2 epochs, 30 samples, 6 strengths, 40 steps there and back and a look at the end

def test_an_evaluation_by_hand(tmp_path):
    text = 'train: {spheres.baseline: {steps: 1, batch: 1}}\nevaluate: {spheres: {attacks: [pgd_linf], protocols: [paper], n: 100}}'
    assert toy(tmp_path, text)['evaluate spheres.baseline seed 0']['flops'] == pytest.approx(100*8*81*MLP + 100*14*MLP)   # 8 strengths; predictions, c̃, α

# protocol 13.3, per run; ours count the networks as they are built here
PUBLISHED = {'train spheres.pgd seed 0': 1.0e16, 'train spheres.alignment seed 0': 7e14, 'estimate spheres.direct seed 0': 1.4e15, 'estimate squares.direct seed 0': 2.3e16,
             'estimate mnist35.direct seed 0': 2e14, 'train squares.pgd seed 0': 2.2e16 + 2.3e16, 'train cxr.pgd seed 0': 2.2e16 + 5.7e16,
             'train cifar10.pgd seed 0': 4.1e17 + .67*4.9e17, 'train squares.baseline seed 0': 7.8e14 + 2.3e16}

def test_the_published_scale_costs_what_the_protocol_derives():
    found = rows('paper')
    for name, flops in PUBLISHED.items(): assert found[name]['flops'] == pytest.approx(flops, rel=.1), name
    assert sum(r['flops'] for r in found.values()) > 1e19 and all(r['host_mb'] >= 2000 for r in found.values())

def test_hours_follow_the_rate_until_the_calls_take_over():
    name = 'train cifar10.pgd seed 0'
    slow, fast, infinite = (rows('paper', tflops=t)[name]['hours'] for t in (1, 2, 1e9))
    assert slow == pytest.approx(2*fast, rel=1e-6) and 0 < infinite < fast/10
    with pytest.raises(ValueError, match='device must be one of'): rows('paper', device='abacus')
    with pytest.raises(ValueError, match='tflops must be positive'): rows('paper', tflops=0)

def test_projections_are_counted_once_per_generator():
    found = rows('paper')
    first, second = (found[f'evaluate mnist.{m} seed 0']['flops'] for m in ('pgd', 'baseline'))
    G, _ = cost.conditional('mnist')
    assert first - second == pytest.approx(2*751*G.flops*90_000, rel=1e-6)   # nine wrong classes of 10,000 images

@pytest.mark.parametrize('name', profiles())
def test_every_profile_has_a_plan(name):
    found = cost.plan(read_profile(profile_file(name)))
    assert all(math.isfinite(r['hours']) and r['hours'] >= 0 for r in found)
    assert all(r['flops'] > 0 and r['device_mb'] > 0 for r in found if r['kind'] in ('train', 'evaluate'))

def test_what_make_plan_says(capsys):
    cost.main('tiny', '--device', 'core')
    said = capsys.readouterr().out
    assert 'train spheres.baseline seed 0' in said and f'{60*50*3*MLP:.2g}' in said and 'TFLOP/s' in said
    with pytest.raises(SystemExit, match='there is no profile'): cost.main('tinny')
