"""What all attacks promise, asked of every one of them in the same words: closed forms on affine models, a sample's result is its own,
the best found is kept, nothing is left behind, and bad input meets one guard. What belongs to one attack alone is tested in its notebook."""
import inspect, math, random
from functools import partial
from types import SimpleNamespace
import numpy as np
import pytest, torch
from torch import nn
from gradalign.attacks.carlini_wagner import carlini_wagner
from gradalign.attacks.core import fooled, sample_seeds
from gradalign.attacks.fmn import fmn
from gradalign.attacks.pgd import pgd
from gradalign.attacks.square import square
from gradalign.attacks.stadv import stadv
from gradalign.geometry import vector_norm
from gradalign.models import margin, wrap
from gradalign.robustness import eps50

torch.set_num_threads(1)
INF, NORMS = math.inf, {'linf': math.inf, 'l2': 2}

BALL = {f'{f.__name__}_{name}': partial(f, norm=p, **o) for name, p in NORMS.items() for f, o in ((pgd, dict(steps=10, random_start=True, restarts=2)), (square, dict(queries=40)))}
PRICED = dict(stadv=partial(stadv, steps=10))                     # strong where τ is small
SHORT = {f'fmn_{name}': partial(fmn, norm=p, steps=30) for name, p in NORMS.items()} | dict(carlini_wagner=partial(carlini_wagner, steps=20, searches=2))
STRONG = BALL | PRICED                                            # take a strength
ALL = STRONG | SHORT
TYPICAL = dict(pgd_linf=.1, square_linf=.2, pgd_l2=.5, square_l2=1., stadv=.02)

def norm_of(name): return NORMS[name.split('_')[1]]
def accepts_seed(attack): return 'seed' in inspect.signature(attack).parameters
def each(attacks): return pytest.mark.parametrize('name', attacks)

def run(name, model, x, y, strength=None, **options):
    "Any attack, with a typical strength where it takes one"
    own = () if name in SHORT else (TYPICAL[name] if strength is None else strength,)
    return ALL[name](model, x, y, *own, **options)

# ---- closed forms: an affine model, and its distance with the walls of the box in the account

SHAPES, CLASSES, SIZES = ((5,), (1, 5, 7), (3, 4, 6)), (1, 2, 6), (1, 3, 8)
GRID = [(shape, k, SIZES[(i + j) % 3]) for i, shape in enumerate(SHAPES) for j, k in enumerate(CLASSES)] # every pair of shape, classes and batch size meets
grid = pytest.mark.parametrize('shape, k, n', GRID, ids=str)

def affine(shape, k, n, box, walls=False):
    "Model, samples and its own labels; with `walls` two thirds of the coordinates lie on a wall"
    rng, d = torch.Generator().manual_seed(0), math.prod(shape)
    net = nn.Sequential(nn.Flatten(), nn.Linear(d, k)).double()
    net[1].weight.data, net[1].bias.data = (torch.randn(*size, generator=rng).double() for size in ((k, d), (k,)))
    net[1].bias.data *= .1
    x = torch.randn(n, *shape, generator=rng).double()
    x = (2*x).clamp(-1, 1) if walls else x.clamp(-3, 3)/12
    model = wrap(net, box)
    return model, x, model(x).argmax(1)

def distances(model, x, y, norm):
    "Every coordinate moves by t (L∞), or by t times its gradient (L2), until it meets a wall: for the smallest t that reaches another class"
    w, b = model.net[1].weight.detach(), model.net[1].bias.detach()
    if len(w) == 1: w, b = torch.cat([-w, w]), torch.cat([-b, b])
    lo, hi = (v - x.flatten(1) for v in model.box or (-INF, INF))
    best = torch.full((len(x),), INF, dtype=x.dtype)
    for c in range(len(w)):
        a, move = w[c] - w[y], lambda t: torch.minimum(torch.maximum(t[:, None]*(a.sign() if norm == INF else a), lo), hi)
        gap = b[y] - b[c] - (a*x.flatten(1)).sum(1)
        near, far = torch.zeros_like(gap), torch.full_like(gap, 1e6)
        for _ in range(60):
            t = (near + far)/2
            there = (a*move(t)).sum(1) >= gap
            near, far = torch.where(there, near, t), torch.where(there, t, far)
        reached = ((a*move(far)).sum(1) >= gap) & (y != c)
        best = torch.where(reached, best.minimum(vector_norm(move(far), norm)), best)
    return best

def lengths(attack, model, x, y, norm):
    x_adv = attack(model, x, y)
    return vector_norm(x_adv - x, norm).where(fooled(model(x_adv), y), INF)

def median(v): return v.sort().values[(len(v) - 1)//2].item()

@pytest.mark.parametrize('norm', [INF, 2])
def test_few_dimensions_and_walls(norm):
    "Which class is closest is decided by single walls: 1 to 5 dimensions, up to 7 classes"
    for seed in range(4):
        for d, k in ((1, 7), (2, 3), (2, 7), (3, 7), (5, 3), (5, 7)):
            rng = torch.Generator().manual_seed(100*seed + 10*d + k)
            net = nn.Sequential(nn.Flatten(), nn.Linear(d, k)).double()
            net[1].weight.data, net[1].bias.data = torch.randn(k, d, generator=rng).double(), torch.randn(k, generator=rng).double()/2
            x = torch.rand(6, d, generator=rng).double()*2 - 1
            x = torch.where(torch.rand(6, d, generator=rng) < .3, x.sign(), x)
            model = wrap(net, (-1, 1))
            y = model(x).argmax(1)
            true = distances(model, x, y, norm)
            there = true.isfinite() & (true > 1e-6)
            if not there.any(): continue
            x, y, true = x[there], y[there], true[there]
            for restarts in (1, 3): assert fooled(model(pgd(model, x, y, 1.01*true, norm=norm, restarts=restarts)), y).all()

def test_the_distance_itself():
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 1)).double()
    net[1].weight.data, net[1].bias.data[:] = torch.tensor([[3., 4]]).double(), -5.
    x, y = torch.tensor([[0., 0], [0, 1]]).double(), torch.tensor([0, 0])
    assert distances(wrap(net), x, y, 2).tolist() == pytest.approx([1, .2]) and distances(wrap(net), x, y, INF).tolist() == pytest.approx([5/7, 1/7])
    assert distances(wrap(net, (-1, 1)), x, y, 2).tolist() == pytest.approx([1, 1/3])    # the second can only go right
    assert distances(wrap(net, (-.5, 1)), x, y, INF).tolist() == pytest.approx([5/7, 1/3])
    assert distances(wrap(net, (-1, .5)), x[:1], y[:1], 2).tolist() == [INF]             # 3.5 at most

@grid
@pytest.mark.parametrize('box', [None, (-1, 1)], ids=str)
@pytest.mark.parametrize('norm', [INF, 2])
class TestClosedForms:
    def test_eps50(self, shape, k, n, box, norm):
        model, x, y = affine(shape, k, n, box)
        true = median(distances(model, x, y, norm))
        r = eps50(partial(pgd, norm=norm, steps=10), model, x, y)
        assert true*.99 <= r.eps50 <= true*1.0101 and not r.censored and r.flags == []

    def test_minimum_norms(self, shape, k, n, box, norm):
        model, x, y = affine(shape, k, n, box)
        true = distances(model, x, y, norm)
        for attack in [partial(fmn, norm=norm)] + [partial(carlini_wagner, searches=3)]*(norm == 2):
            ratio = lengths(attack, model, x, y, norm)/true
            assert 1 - 1e-9 <= ratio.min() and median(ratio) <= 1.05

@pytest.mark.parametrize('shape, k', [(s, k) for s, k, _ in GRID], ids=str)
@pytest.mark.parametrize('norm', [INF, 2])
def test_with_most_coordinates_on_a_wall(shape, k, norm):
    model, x, y = affine(shape, k, 16, (-1, 1), walls=True)
    true = distances(model, x, y, norm)
    assert true.isfinite().all() and (x.abs() == 1).double().mean() > .5
    below, above = (fooled(model(pgd(model, x, y, f*true, norm=norm)), y) for f in (.999, 1.01))
    assert not below.any() and above.double().mean() >= .9
    for attack in [partial(fmn, norm=norm)] + [partial(carlini_wagner, searches=4)]*(norm == 2):
        ratio = lengths(attack, model, x, y, norm)/true
        assert 1 - 1e-9 <= ratio.min() and median(ratio) <= 1.05 and (ratio <= 1.05).double().mean() >= .9

# ---- a network that is not linear, with everything that could leak: batch norm, dropout, mixed modes

def network(dtype=torch.float64, k=6, box=(-1, 1)):
    "Model in train mode, 8 images of which six are right, and a seed for each"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.Tanh(), nn.Dropout(.5), nn.Flatten(), nn.Linear(6*12, k))
        net[1].running_mean.normal_(0, .1), net[5].weight.data.mul_(3)
    model, rng = wrap(net.to(dtype).eval(), box), torch.Generator().manual_seed(2)
    x = (torch.rand(8, 2, 5, 6, generator=rng)*2.2 - 1.1).clamp(-1, 1).to(dtype)
    y = model(x).argmax(1)
    y[6:] = (y[6:] + 1) % max(k, 2)
    net.train()
    return model, x, y, sample_seeds(3, 8)

def logits_of(model, x):
    modes = [m.training for m in model.modules()]
    with torch.no_grad(): out = model.eval()(x)
    for m, t in zip(model.modules(), modes): m.training = t
    return out

def own(name, seeds): return dict(seed=seeds) if accepts_seed(ALL[name]) else {}

@each(ALL)
@pytest.mark.parametrize('k', [1, 6])
def test_one_by_one_equals_batched(name, k):
    model, x, y, seeds = network(k=k)
    strength = None if name in SHORT else TYPICAL[name]*torch.linspace(.2, 2, 8).double()
    part = lambda i: run(name, model, x[i], y[i], None if strength is None else strength[i], **own(name, seeds[i]))
    whole, back = part(torch.arange(8)), torch.arange(8).flip(0)
    assert (whole != x).any() and torch.equal(whole[6:], x[6:])      # attacked; who is wrong already stays
    for splits in (torch.arange(8).split(1), torch.arange(8).split(3), back.split(5)):
        assert torch.allclose(torch.cat([part(i) for i in splits]), whole[torch.cat(splits)], rtol=0, atol=1e-7)
    if strength is not None: assert torch.allclose(run(name, model, x[2:3], y[2:3], strength[2].item(), **own(name, seeds[2:3])), whole[2:3], rtol=0, atol=1e-7)

@each(BALL)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64], ids=str)
def test_inside_the_ball_and_the_box(name, dtype):
    model, x, y, _ = network(dtype)
    eps = torch.tensor([0, 1e-30, 1e-6, .01, .3, 3, 1e12, .2], dtype=dtype)
    for norm_box in ((-1, 1), None):
        x_adv = run(name, wrap(model.net, norm_box), x, y, eps)
        assert x_adv.dtype == dtype and x_adv.isfinite().all() and (vector_norm(x_adv - x, norm_of(name)) <= eps*(1 + 1e-6) + 1e-6).all()
        if norm_box: assert x_adv.abs().max() <= 1
        assert torch.equal(x_adv[0], x[0])                             # ε = 0
    assert torch.equal(run(name, model, x, y, 0.), x) and torch.equal(run(name, model, x, y, 0), x)

@each(PRICED | SHORT)
def test_inside_the_box(name):
    model, x, y, _ = network(torch.float32)
    strength = torch.tensor([0, 1e-30, 1e-6, .01, .3, 3, 1e12, 1e30])
    x_adv = run(name, model, x, y, strength)
    assert x_adv.abs().max() <= 1 and x_adv.dtype == x.dtype
    hit = fooled(logits_of(model, x_adv), y)
    assert hit[:6].any() and torch.equal(x_adv[~hit], x[~hit])         # who cannot be fooled comes back as it was
    if name in PRICED: assert torch.equal(x_adv[5:], x[5:]) and torch.equal(run(name, model, x, y, 1e30), x)

@each(STRONG)
def test_strengths_of_any_kind(name):
    model, x, y, _ = network()
    e = TYPICAL[name]
    same = [run(name, model, x, y, s) for s in (e, np.float64(e), torch.tensor(e, dtype=torch.float64), torch.full((8,), e, dtype=torch.float64), np.full(8, e))]
    assert all(torch.equal(a, same[0]) for a in same[1:])
    assert torch.equal(run(name, model, x, y, 1), run(name, model, x, y, torch.ones(8, dtype=torch.int64)))

# ---- networks with habits

class Then(nn.Module): # the network, and what becomes of its logits, of its input before that
    def __init__(self, net, after=lambda z, x: z, before=lambda x: x): super().__init__(); self.net, self.after, self.before = net, after, before
    def forward(self, x): return self.after(self.net(self.before(x)), x)

def outcome(name, net, x, y, seeds, box=(-1, 1)): return run(name, wrap(net, box), x, y, **own(name, seeds))

@each(ALL)
def test_a_class_that_is_ruled_out(name):
    "−inf says it as −1e30 does, to two of six classes, and to the true class of one sample"
    model, x, y, seeds = network()
    shut = torch.tensor([False]*4 + [True]*2)
    fill = lambda v: Then(model.net, lambda z, x: z.masked_fill(shut, v))
    y = logits_of(wrap(fill(-1e30)), x).argmax(1)
    y[7] = 5
    out = outcome(name, fill(-INF), x, y, seeds)
    assert torch.equal(out, outcome(name, fill(-1e30), x, y, seeds)) and out.isfinite().all() and (out[:7] != x[:7]).any()

@each(ALL)
def test_nan_is_no_success(name):
    "Whatever is not one of the samples gets NaN, in one logit or in all"
    model, x, y, seeds = network()
    for some in torch.arange(6) == 2, torch.ones(6, dtype=torch.bool):
        strange = lambda z, X: torch.where((X[:, None] != x).flatten(2).any(2).all(1)[:, None] & some, torch.nan, z)
        assert torch.equal(outcome(name, Then(model.net, strange), x, y, seeds), x)

@each(ALL)
@pytest.mark.parametrize('wrapped', [True, False])
def test_a_network_may_write_into_its_input(name, wrapped):
    model, x, y, seeds = network()
    careless, careful = Then(model.net, before=lambda x: x.sub_(.05).mul_(2)), Then(model.net, before=lambda x: (x - .05)*2)
    if not wrapped: careless.box = careful.box = (-1, 1)
    face, before = (lambda net: wrap(net, (-1, 1))) if wrapped else (lambda net: net), x.clone()
    out = run(name, face(careless), x, y, **own(name, seeds))
    assert torch.equal(x, before) and torch.allclose(out, run(name, face(careful), x, y, **own(name, seeds)), rtol=0, atol=1e-9) and (out != x).any()

@each(ALL)
def test_labels_of_any_integer_type_and_outputs_of_any_form(name):
    model, x, y, seeds = network()
    out = run(name, model, x, y, **own(name, seeds))
    for kind in (torch.uint8, torch.int8, torch.int16, torch.int32): assert torch.equal(run(name, model, x, y.to(kind), **own(name, seeds)), out)
    for form in (lambda z, x: (z,), lambda z, x: dict(logits=z, features=z[:, :2]), lambda z, x: SimpleNamespace(logits=z)):
        assert torch.equal(outcome(name, Then(model.net, form), x, y, seeds), out)
    with pytest.raises(TypeError, match='a model must return a tensor of logits'): outcome(name, Then(model.net, lambda z, x: (z, z)), x, y, seeds)

@pytest.mark.parametrize('options', [dict(loss='ce'), dict(protocol='paper', step_size=.02)], ids=str)
@pytest.mark.parametrize('norm', [INF, 2])
def test_large_logits_hide_nothing_from_cross_entropy(norm, options):
    "In float32 the gradient of cross-entropy is rounded away: what is climbed is not"
    model, x, y, seeds = network(torch.float32)
    loud = wrap(Then(model.net, lambda z, x: 1e4*z), (-1, 1))
    keep = dict(loss='margin', keep='last', random_start=True, step_size=.02) if 'protocol' in options else dict(loss='margin')
    out = pgd(loud, x, y, .1, norm=norm, seed=seeds, **options)
    assert (out != x)[:6].flatten(1).any(1).all() and torch.allclose(out, pgd(loud, x, y, .1, norm=norm, seed=seeds, **keep), rtol=0, atol=1e-5)

# ---- the best found is never given up

class Recording(nn.Module):
    def __init__(self, net): super().__init__(); self.net, self.seen = net, []
    def forward(self, x): self.seen.append(x.detach().clone()); return self.net(x)

@each(ALL)
def test_the_best_seen_is_returned(name):
    "Of all that the model was shown, nothing is better than what came back"
    model, x, y, seeds = network()
    for i in range(6):
        for factor in (.3, 1.) if name in BALL else (0., 1.) if name in PRICED else (None,):
            recording = Recording(model.net)
            x_adv = run(name, wrap(recording, (-1, 1)), x[i:i+1], y[i:i+1], factor and factor*TYPICAL[name] if factor != 0 else 0., **own(name, seeds[i:i+1]))
            seen = torch.cat(recording.seen)
            seen = seen[(seen.abs() <= 1).flatten(1).all(1)]            # stadv looks a hair outside
            m, label = margin(logits_of(model, torch.cat([x_adv, seen])), y[i]*torch.ones(1 + len(seen), dtype=torch.int64)), y[i]
            if name in BALL: assert m[0] <= m[1:].min() + 1e-9
            if name in PRICED and factor == 0: assert m[0] < 0 or not (m[1:] < -1e-9).any() # at τ = 0 every flow is free
            if name in SHORT:
                p = NORMS.get(name.removeprefix('fmn_'), 2)
                far = vector_norm(seen - x[i], p)[m[1:] < 0]
                assert m[0] < 0 or not len(far)
                if len(far): assert vector_norm(x_adv - x[i], p).item() <= far.min().item() + 1e-9

@pytest.mark.parametrize('norm', [INF, 2])
def test_more_of_it_takes_nothing_back(norm):
    model, x, y, seeds = network()
    e = .04 if norm == INF else .2
    last = torch.full((8,), INF).double()
    for restarts in (1, 2, 4):
        m = margin(logits_of(model, pgd(model, x, y, e, norm=norm, steps=5, random_start=True, restarts=restarts, seed=seeds)), y)
        assert (m <= last + 1e-9).logical_or(m < 0).all() and ((last < 0) <= (m < 0)).all()
        last = m
    if norm == 2:
        length = [lengths(partial(carlini_wagner, steps=20, searches=s), wrap(model.net.eval(), (-1, 1)), x[:6], y[:6], 2) for s in (1, 2, 4)]
        assert (length[1] <= length[0]).all() and (length[2] <= length[1]).all() and length[2].isfinite().any()

# ---- nothing is left behind

def state(model):
    "All that a call might change: modes, flags, values, gradients, buffers, hooks, and the global random states"
    return ([m.training for m in model.modules()], [p.requires_grad for p in model.parameters()], [v.clone() for v in model.state_dict().values()],
            [p.grad if p.grad is None else p.grad.clone() for p in model.parameters()], [len(m._forward_hooks) for m in model.modules()],
            torch.get_rng_state(), [np.random.get_state()[1].tolist(), np.random.get_state()[2]], random.getstate(), torch.is_grad_enabled())

def same(a, b):
    if isinstance(a, torch.Tensor): return torch.equal(a, b)
    return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, (list, tuple)) else a == b

def unsettled():
    "The network with mixed modes, a frozen bias, and gradients that are already there"
    model, x, y, seeds = network()
    model.net[1].eval(), model.net[5].bias.requires_grad_(False)
    model.net[0].weight.grad = torch.ones_like(model.net[0].weight)
    return model, x, y, seeds

def test_the_watch_sees_changes():
    for change in (lambda m: m.net[1].train(), lambda m: m.net[5].bias.requires_grad_(), lambda m: m.net[0].weight.grad.add_(1), lambda m: m.net[1].running_var.mul_(2),
                   lambda m: torch.rand(1), lambda m: np.random.rand(), lambda m: random.random()):
        model, *_ = unsettled()
        before = state(model)
        assert same(before, state(model))
        change(model)
        assert not same(before, state(model))

@each(ALL)
def test_nothing_changes(name):
    model, x, y, seeds = unsettled()
    inputs = x.clone().requires_grad_(), y.clone(), seeds.clone()
    before = state(model)
    out = run(name, model, inputs[0], inputs[1], **own(name, inputs[2]))
    assert same(before, state(model)) and same([*inputs], [x, y, seeds]) and inputs[0].grad is None and inputs[0].requires_grad
    assert not out.requires_grad and out.data_ptr() != inputs[0].data_ptr()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode(): assert torch.equal(run(name, model, x.clone(), y.clone(), **own(name, seeds.clone())), out)

class Breaks(nn.Module): # at the fourth look
    def __init__(self, net): super().__init__(); self.net, self.left = net, 3
    def forward(self, x):
        self.left -= 1
        if self.left < 0: raise RuntimeError('out of order')
        return self.net(x)

@each(ALL)
def test_nor_where_the_model_breaks(name):
    model, x, y, seeds = unsettled()
    broken = wrap(Breaks(model.net), (-1, 1))
    before = state(broken)
    with pytest.raises(RuntimeError, match='out of order'): run(name, broken, x, y, 1e-9 if name in BALL else None)
    assert same(before, state(broken))

# ---- bad input

class Rounded(nn.Module): # no graph to x
    def forward(self, x): return torch.stack([x.flatten(1).sum(1), -x.flatten(1).sum(1)], 1).detach().round()
class Short(nn.Module): # a row too few
    def forward(self, x): return torch.stack([x.flatten(1).sum(1), -x.flatten(1).sum(1)], 1)[1:]

def with_one(x, v): x = x.clone(); x.view(-1)[3] = v; return x

BAD = { # name → change of (x, y), exception, what the sentence says
    'x is no tensor': (lambda x, y: (x.numpy(), y), TypeError, 'x must be a float tensor'),
    'x of half precision': (lambda x, y: (x.half(), y), TypeError, 'x must be a float tensor, of float32 or float64'),
    'x of integers': (lambda x, y: (x.long(), y), TypeError, 'x must be a float tensor'),
    'x without samples': (lambda x, y: (x[:0], y[:0]), ValueError, 'x must be a batch'),
    'x of one axis': (lambda x, y: (x.flatten(), y), ValueError, 'x must be a batch'),
    'x with a NaN': (lambda x, y: (with_one(x, math.nan), y), ValueError, 'x must be finite, 1 of 8'),
    'x with an infinity': (lambda x, y: (with_one(x, INF), y), ValueError, 'x must be finite, 1 of 8'),
    'x outside the box': (lambda x, y: (with_one(x, 1.01), y), ValueError, r'x must lie in the box \(-1, 1\)|x must lie in the box \(-1.0, 1.0\)'),
    'y a list': (lambda x, y: (x, y.tolist()), TypeError, 'y must be a tensor of integers'),
    'y of floats': (lambda x, y: (x, y.float()), TypeError, 'y must be a tensor of integers'),
    'y of truths': (lambda x, y: (x, y > 2), TypeError, 'y must be a tensor of integers'),
    'y too short': (lambda x, y: (x, y[:-1]), ValueError, 'y must have shape'),
    'y with an axis too many': (lambda x, y: (x, y[:, None]), ValueError, 'y must have shape'),
    'y negative': (lambda x, y: (x, y - 6), ValueError, 'y must lie in 0'),
    'y too large': (lambda x, y: (x, y + 6), ValueError, 'y must lie in 0 … 5')}

@pytest.mark.parametrize('case', BAD)
def test_bad_samples_meet_one_guard(case):
    "Every attack refuses in the same words, before it has changed anything"
    change, error, words = BAD[case]
    model, x, y, _ = unsettled()
    before, said = state(model), set()
    for name in ALL:
        with pytest.raises(error, match=words) as refused: run(name, model, *change(x, y))
        said.add(str(refused.value))
    assert len(said) == 1 and same(before, state(model))

STRENGTHS = [(-1, ValueError), (-1e-9, ValueError), (math.nan, ValueError), (INF, ValueError), (1e300, ValueError), (torch.ones(3), ValueError), (torch.ones(8, 1), ValueError),
             (torch.tensor([.1]*7 + [-1]), ValueError), ('.1', TypeError), (None, TypeError), (True, TypeError), (1j, TypeError)]

@each(STRONG)
def test_bad_strengths(name):
    model, x, y, _ = network(torch.float32)
    for bad, error in STRENGTHS:
        with pytest.raises(error, match='tau' if name in PRICED else 'eps'): ALL[name](model, x, y, bad)

OPTIONS = dict(norm=[(1, ValueError), ('inf', ValueError), (None, ValueError)], clamp=[((1, -1), ValueError), ((0, 0), ValueError), (3, (TypeError, ValueError))],
               steps=[(0, ValueError), (2.5, TypeError), (True, TypeError)], queries=[(0, ValueError), (2.5, TypeError)], searches=[(0, ValueError), ('2', TypeError)],
               restarts=[(0, ValueError), (1.5, TypeError)], protocol=[('exact', ValueError)], seed=[(.5, TypeError), (None, TypeError), (torch.zeros(8), TypeError), (torch.zeros(3).long(), ValueError)])

@each(ALL)
def test_bad_options(name):
    model, x, y, _ = network()
    takes = inspect.signature(ALL[name]).parameters
    for option, values in OPTIONS.items():
        for bad, error in values if option in takes else []:
            if option == 'restarts' and bad == 0: bad = -1
            says = {'clamp': r'lo < hi|\(lo, hi\)|box'}.get(option, option)
            with pytest.raises(error, match=says): run(name, model, x, y, **{option: bad})
    with pytest.raises(TypeError, match='stepz'): run(name, model, x, y, stepz=3)

@each(ALL)
def test_bad_models(name):
    _, x, y, _ = network()
    with pytest.raises(ValueError, match='7 rows of logits for 8 samples'): run(name, Short(), x, y % 2)
    if name.startswith('square'): assert run(name, Rounded(), x, y % 2).isfinite().all() # asks for logits alone
    else:
        with pytest.raises(ValueError, match='no gradient with respect to x'): run(name, Rounded(), x, (x.flatten(1).sum(1) < 0).long())
