"""PGD, Carlini–Wagner and FMN against foolbox on a small trained net: ours are as strong, at four strengths each."""
import math
from functools import cache
import foolbox, pytest, torch
from torch import nn
from gradalign.attacks.carlini_wagner import carlini_wagner
from gradalign.attacks.core import fooled
from gradalign.attacks.fmn import fmn
from gradalign.attacks.pgd import pgd
from gradalign.geometry import vector_norm
from gradalign.models import wrap

torch.set_num_threads(1)
NORMS = {'linf': math.inf, 'l2': 2}

@cache
def trained():
    "A convolutional net on noisy 8 × 8 patterns of four classes, and 50 images that it has not seen"
    rng = torch.Generator().manual_seed(0)
    patterns = torch.randn(4, 1, 8, 8, generator=rng)
    y = torch.randint(0, 4, (850,), generator=rng)
    x = (.25*patterns[y] + .25*torch.randn(850, 1, 8, 8, generator=rng)).clamp(-1, 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 4))
    adam = torch.optim.Adam(net.parameters(), 3e-3)
    for rows in torch.randint(0, 800, (150, 50), generator=rng):
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        adam.zero_grad(), loss.backward(), adam.step()
    return wrap(net.eval(), box=(-1, 1)), x[800:], y[800:]

def distances(x_adv, norm):
    "Of every sample: 0 if misclassified clean, inf where the attack failed"
    model, x, y = trained()
    with torch.no_grad(): return vector_norm(x_adv - x, norm).where(fooled(model(x_adv), y), math.inf).masked_fill(fooled(model(x), y), 0)

@cache
def strengths(norm):
    "Where ours leaves a fifth, two fifths, … of the samples"
    return distances(fmn(*trained(), norm=norm), norm).quantile(torch.tensor([.2, .4, .6, .8])).tolist()

def theirs(attack, **options):
    model, x, y = trained()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return attack(foolbox.PyTorchModel(model.net, bounds=(-1, 1), device='cpu'), x, y, **options)[1]

def compare(ours, other):
    "Robust accuracies at the four strengths: ours may be higher by one image of the 50, no more"
    print('ours', *(f'{v:.2f}' for v in ours), 'foolbox', *(f'{v:.2f}' for v in other))
    assert all(a <= b + .0201 for a, b in zip(ours, other))
    assert 0 < min(ours) < max(ours) < 1

def test_the_net_has_learned():
    model, x, y = trained()
    assert fooled(model(x), y).float().mean() <= .04

@pytest.mark.parametrize('name', NORMS)
def test_pgd(name):
    model, x, y = trained()
    norm, attack = NORMS[name], dict(linf=foolbox.attacks.LinfPGD, l2=foolbox.attacks.L2PGD)[name]
    accuracy = lambda x_adv: 1 - fooled(model(x_adv), y).float().mean().item()
    ours = [accuracy(pgd(model, x, y, e, norm=norm)) for e in strengths(norm)]
    compare(ours, [accuracy(theirs(attack(rel_stepsize=2.5/40, steps=40), epsilons=e)) for e in strengths(norm)])

def curve(d, norm): return [(d > e).float().mean().item() for e in strengths(norm)]

@pytest.mark.parametrize('name', NORMS)
def test_fmn(name):
    norm, attack = NORMS[name], dict(linf=foolbox.attacks.LInfFMNAttack, l2=foolbox.attacks.L2FMNAttack)[name]
    compare(curve(distances(fmn(*trained(), norm=norm), norm), norm), curve(distances(theirs(attack(steps=100), epsilons=None), norm), norm))

def test_carlini_wagner():
    other = foolbox.attacks.L2CarliniWagnerAttack(steps=100, stepsize=.05, binary_search_steps=6, initial_const=1.)
    compare(curve(distances(carlini_wagner(*trained()), 2), 2), curve(distances(theirs(other, epsilons=None), 2), 2))
