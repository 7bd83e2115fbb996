"""What a profile costs before it runs: FLOPs, hours and memory of every job.  `make plan PROFILE=paper`, or

  python workflow/cost.py paper --device h200        --tflops 20 for a rate of your own

Networks are counted, not looked up: torch's FLOP counter on tensors without data. The number of passes is that of protocol 13.3: a
multiplication and an addition are two FLOPs, the way back to the input costs one forward pass, and to the weights one more. Hours are the
larger of two times, phase by phase: the FLOPs at the device's sustained rate, or the calls at what each takes to be started. That a phase
ends early (an attack that has found its answer, a median that needs few strengths) is counted by averages, named below.
"""
from lifeline import die_with_parent  # noqa: F401, as in its neighbours: the folder of this file comes first on the path
import argparse, math, sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from jobs import jobs, profile_file, read_profile
from resources import dataset_of, host_mb

# device: TFLOP/s that float32 training sustains, seconds that a step of the training loop and a layer of a pass take to be started
DEVICES = {
    'h200': (20., 8e-3, 4e-5),  # an assumed 0.3 of the 67 of the data sheet; the times from ms_per_step of runs on an H200 (results/desk)
    'core': (.05, 2e-3, 1e-5)}  # one core of an AMD EPYC, from ms_per_step of the same profile

# what is drawn upon: shape, classes, samples to train, validate and test with (protocol 3). Chest x-rays: the paper's own, the public ones differ
DATA = dict(spheres=((500,), 2, (40_000_000, 200, 1000)), squares=((1, 224, 224), 2, (10_000, 200, 1000)), squares32=((1, 32, 32), 2, (10_000, 200, 1000)),
            mnist35=((1, 28, 28), 2, (10_397, 1155, 1902)), mnist=((1, 28, 28), 10, (54_000, 6000, 10_000)),
            cifar10=((3, 32, 32), 10, (45_000, 5000, 10_000)), cxr=((1, 224, 224), 2, (3711, 596, 950)))

# averages, as measured in results/desk/kept/*/record.json (passes: samples attacked, over samples)
PASSES = dict(vectors=2, images=4, all=10)        # of a tight PGD median, and where every sample's threshold is asked for
VALIDATION = 1.8                                  # of the tight validation
LOOKS = dict(square=5, stadv=8)                   # strengths that their medians ask for
STA_EVALUATIONS, CW_PASSES, FMN_PASSES = 100, 6*100, 100   # forward and back: L-BFGS with line search; searches × steps; steps
PAIRS = 3                                         # classes that an image is projected on while a model trains: assumed
HELD_MB = 2**12                                    # gradalign.estimators.projection: max_bytes; as much again for what is under way
PROJECTION = dict(paper=751, tight=40)            # runs of the generator, each there and back
CUDA_MB = 600

# networks, counted

@dataclass(frozen=True)
class Network:
    flops: int       # of a forward pass of one sample
    layers: int      # that a pass runs through
    weights: int     # parameters
    activations: int # numbers that one sample leaves for the way back

def counted(net, *inputs):
    "A `Network` from one pass of inputs `(1, …)`, on the meta device: nothing is computed"
    net, sizes = net.to('meta').eval(), []
    leaves = [m for m in net.modules() if not list(m.children())]
    hooks = [m.register_forward_hook(lambda m, i, out: sizes.append(out.numel())) for m in leaves]
    with FlopCounterMode(display=False) as flops, torch.no_grad(): net(*(v.to('meta') for v in inputs))
    for h in hooks: h.remove()
    return Network(flops.get_total_flops(), len(sizes), sum(p.numel() for p in net.parameters()), sum(sizes))

def shape_of(dataset, size=None):
    shape = DATA[dataset][0]
    return shape if size is None else (size,) if len(shape) == 1 else (shape[0], size, size)

@cache
def classifier(dataset, size=None):
    "The paper's network for a data set"
    from gradalign.models import resnet18, resnet18_cifar, spheres_mlp
    shape, k = shape_of(dataset, size), DATA[dataset][1]
    net = spheres_mlp(shape[0], seed=0) if len(shape) == 1 else resnet18_cifar(k, seed=0) if dataset == 'cifar10' else resnet18(1 if k == 2 else k, seed=0)
    return counted(net, torch.zeros(1, *shape))

@cache
def direct(dataset, size=None, width=None, depth=None):
    "The generator of the direct estimator"
    from gradalign.estimators.direct import MLPGenerator
    from gradalign.estimators.unet import UNet
    shape, y = shape_of(dataset, size), torch.zeros(1, dtype=torch.int64)
    net = MLPGenerator(shape[0], seed=0) if len(shape) == 1 else UNet(depth or (4 if shape[1] >= 64 else 2), width or 64, channels=shape[0], seed=0)
    return counted(net, torch.zeros(1, *shape), 1 - y, y)

@cache
def critic(dataset, size=None, width=None):
    "The small discriminator `conv`"
    from gradalign.estimators.direct import ConvCritic
    shape = shape_of(dataset, size)
    return counted(ConvCritic(shape[0], shape[1], seed=0), torch.zeros(1, *shape))

@cache
def conditional(dataset, width=None):
    "The conditional generator and its critic"
    from gradalign.estimators.cgan import ConditionalGenerator, Critic
    shape, k = shape_of(dataset), DATA[dataset][1]
    G = ConditionalGenerator(k, shape[1], shape[0], width or 256, seed=0)
    return counted(G, torch.zeros(1, G.z_dim), torch.zeros(1, dtype=torch.int64)), counted(Critic(k, shape[0], width or 256, seed=0), torch.zeros(1, *shape))

# phases of a job

@dataclass
class Phase:
    flops: float
    calls: float = 0 # passes of a network, one after the other
    layers: int = 0  # of that network
    steps: float = 0 # of a training loop
    def hours(self, tflops, step, layer): return max(self.flops/(tflops*1e12), self.calls*self.layers*layer + self.steps*step)/3600

def asked_of(net, samples, passes, batch):
    "A phase of `passes` forward passes (and ways back, of the same cost) for each of `samples`"
    return Phase(samples*passes*net.flops, math.ceil(samples/batch)*passes, net.layers)

def attack_batch(shape): return min(500, max(1, 2**20//math.prod(shape)))   # gradalign.experiments.attacked.batch_of

def passes_of(method, classes, given):
    "Passes that a training step costs: forward 1, back to the weights 2; of more than two classes c̃ takes one to each logit"
    if method == 'baseline': return 3
    if method == 'pgd': return 3 + 2*(given.get('pgd_steps') or 40)
    return 6 if classes == 2 else 7 + classes

def estimator_cost(name, given, dataset, size, samples, batch):
    "Phases of `samples` answers of an estimator of Δx; neighbours are cheap beside any network"
    if name == 'direct':
        made = given.get('generator_params', {})
        return [asked_of(direct(dataset, size, made.get('width'), made.get('depth')), samples, 1, batch)]
    if name != 'indirect': return []
    G, _ = conditional(dataset, given.get('generator_params', {}).get('width'))
    return [asked_of(G, samples, 2*PROJECTION[given.get('generator_protocol', 'tight')], 2000)]

def validation_cost(given, net, dataset, shape, n):
    "Phases of looking for the best epoch, none where the last one is kept"
    if given.get('select') != 'best': return []
    from gradalign.experiments.runs import VALID_STRENGTHS
    epochs = math.ceil(given['steps']/(given.get('epoch') or max(1, given['steps']//10))) - (given.get('select_from') or 0)
    paper = given.get('validation') == 'paper'
    looks, samples, steps = (len(VALID_STRENGTHS[dataset]), n, 40) if paper else (VALIDATION, min(200, n), 10)
    return [asked_of(net, epochs*looks*samples, 2*steps + 1, attack_batch(shape))]

def train_cost(given):
    dataset, size, method = given['dataset'], given.get('size'), given['method']
    shape, k, (n, n_valid, _) = shape_of(dataset, size), *DATA[dataset][1:]
    net, steps, batch = classifier(dataset, size), given['steps'], given['batch']
    clean = min(given.get('clean_steps') or 0, steps)
    out = [Phase(batch*net.flops*(m*p), m*p, net.layers, m) for m, p in ((steps - clean, passes_of(method, k, given)), (clean, 3)) if m]
    if method == 'alignment':
        name = given.get('estimator') or 'exact'
        seen = steps*batch if name != 'indirect' else min(steps*batch, PAIRS*(given.get('n') or n))
        out += estimator_cost(name, given, dataset, size, seen, batch)
    return out + validation_cost(given, net, dataset, shape, given.get('n_valid') or n_valid)

def projected_memory(net):
    "The same for latent projection, which lets a batch through in parts"
    return min(memory(net, 2000, kept=1), CUDA_MB + 4*net.weights/2**20 + 2*HELD_MB)

def memory(net, samples, kept=4, ways=1):
    "MB on the device: weights, gradients and two averages of Adam; activations of a batch, twice where the gradient is differentiated again"
    return CUDA_MB + 4*(kept*net.weights + ways*samples*net.activations)/2**20

def train_memory(given):
    net, ways = classifier(given['dataset'], given.get('size')), 2 if given['method'] == 'alignment' else 1
    return memory(net, given['batch'], ways=ways)

def estimate_cost(given):
    dataset, size, method = given['dataset'], given.get('size'), given['method']
    n_test = given.get('n_test') or DATA[dataset][2][2]
    if method == 'direct':
        G, D = direct(dataset, size, given.get('width'), given.get('depth')), critic(dataset, size) if given.get('discriminator') == 'conv' else classifier(dataset, size)
        per_sample, steps = 3*G.flops + 8*D.flops, given['steps']  # G there and back; D sees x and x̂′ (6), and x̂′ for G (2)
        return [Phase(per_sample*steps*given['batch'], 3*steps, G.layers + 2*D.layers, steps), asked_of(G, n_test, 1, attack_batch(shape_of(dataset, size)))]
    if method != 'indirect': return []
    G, D = conditional(dataset, given.get('width'))
    steps, batch, tight = given['steps'], given['batch'], given.get('protocol', 'tight') == 'tight'
    out = [Phase(batch*steps*(6*G.flops + 26*D.flops), 4*2*steps, G.layers + 2*D.layers, 4*steps)]  # 4 × (G + 6 D), then G back (2) and D for it (2)
    if tight: out.append(asked_of(G, (given.get('encoder_steps') or 1000)*100, 3, 100))
    return out + [asked_of(G, n_test, 2*PROJECTION['tight' if tight else 'paper'], 2000)]

def estimate_memory(given):
    dataset, size = given['dataset'], given.get('size')
    if given['method'] == 'direct':
        G, D = direct(dataset, size, given.get('width'), given.get('depth')), critic(dataset, size) if given.get('discriminator') == 'conv' else classifier(dataset, size)
        return memory(G, given['batch']) + memory(D, 3*given['batch']) - CUDA_MB
    if given['method'] != 'indirect': return 0
    G, D = conditional(dataset, given.get('width'))
    return max(memory(G, given['batch']) + memory(D, 3*given['batch']) - CUDA_MB, projected_memory(G))

def attack_cost(name, protocol, given, net, dataset, shape):
    "Phases of one attack under one protocol"
    from gradalign.experiments.attacked import SLOW, STRENGTHS, TAUS
    n = min(given.get('n') or DATA[dataset][2][2], given.get('n_attacked') or 10**9)
    if name in SLOW: n = min(n, given.get('n_slow') or n)
    grid = len(TAUS.get(dataset, ()) if name == 'stadv' else STRENGTHS[dataset])
    tight, all_ = protocol == 'tight', given.get('resolve') == 'all'
    if name.startswith('pgd'): looks, passes = PASSES['all' if all_ else 'vectors' if len(shape) == 1 else 'images'] if tight else grid, 2*((given.get('attack_steps') or 40) if tight else 40) + 1
    elif name.startswith('square'): looks, passes = LOOKS['square'] if tight else grid, given.get('queries') or 5000
    elif name == 'stadv': looks, passes = LOOKS['stadv'] if tight else grid, 2*STA_EVALUATIONS
    else: looks, passes = int(tight), 2*(CW_PASSES if name == 'carlini_wagner' else FMN_PASSES)   # no strength is searched: once is enough
    return asked_of(net, looks*n, passes, attack_batch(shape))

def evaluate_cost(given, first=True): # first: of those that ask the same generator, whose projections stay
    dataset, size = given['dataset'], given.get('size')
    shape, k, (_, _, n_test) = shape_of(dataset, size), *DATA[dataset][1:]
    net, n, batch = classifier(dataset, size), given.get('n') or n_test, attack_batch(shape)
    out = [attack_cost(a, p, given, net, dataset, shape) for a in given.get('attacks', ('pgd_linf', 'pgd_l2')) for p in given.get('protocols', ('tight', 'paper'))]
    out.append(asked_of(net, n, 10 + 2*k, batch))                                 # predictions, c̃, ∇ℓ, α
    pairs = n + (k - 1)*(given.get('n_other') or 0)
    for name in [given.get('estimator') or 'exact', *given.get('compare', ())]:
        if name != 'indirect' or first: out += estimator_cost(name, given, dataset, size, min(pairs, (k - 1)*n), batch)
    return out

def evaluate_memory(given):
    shape = shape_of(given['dataset'], given.get('size'))
    found = memory(classifier(given['dataset'], given.get('size')), attack_batch(shape), kept=1)
    return found if 'indirect' not in (given.get('estimator'), *given.get('compare', ())) else max(found, projected_memory(conditional(given['dataset'])[0]))

# the plan

def filled(job, by_folder):
    "What a job is given, with what it takes over from the runs it reads"
    given = dict(job.given)
    if job.kind == 'evaluate':
        trained = by_folder[given['run']].given
        given |= dict(dataset=dataset_of(job), **{k: trained[k] for k in ('size',) if k in trained})
    for name in 'compare_generator', 'generator':
        if given.get(name): given |= dict(generator_params=by_folder[given[name]].given, generator_protocol=by_folder[given[name]].given.get('protocol', 'tight'))
    if job.kind in ('train', 'estimate'): given = dict(steps=50, batch=50) | given
    return given

def plan(
    profile,       # from `read_profile`
    device='h200', # one of DEVICES
    tflops=None,   # sustained; None: the device's
):
    "A row per job: name, kind, done, flops, hours, device_mb, host_mb"
    if device not in DEVICES: raise ValueError(f'device must be one of {", ".join(DEVICES)}, got {device!r}')
    if tflops is not None and not tflops > 0: raise ValueError(f'tflops must be positive, got {tflops}')
    rate, step, layer = DEVICES[device]
    listed, seen, rows = jobs(profile), set(), []
    by_folder = {j.folder: j for j in listed}
    for job in listed:
        phases, used = [], 0.
        if job.kind != 'report':
            given = filled(job, by_folder)
            asked = given.get('generator') or given.get('compare_generator')
            phases = dict(train=train_cost, estimate=estimate_cost, evaluate=lambda g: evaluate_cost(g, asked not in seen))[job.kind](given)
            used = dict(train=train_memory, estimate=estimate_memory, evaluate=evaluate_memory)[job.kind](given)
            if job.kind == 'evaluate': seen.add(asked)
        estimators = [job.given.get('estimator'), *job.given.get('compare', ()), job.given.get('method')]
        rows.append(dict(name=job.name, kind=job.kind, done=Path(job.folder, 'record.json').exists(), flops=float(sum(p.flops for p in phases)),
            hours=sum(p.hours(tflops or rate, step, layer) for p in phases), device_mb=used, host_mb=host_mb(job.kind, dataset_of(job), estimators)))
    return rows

def lines(rows):
    "The plan as text: a line per job, then the sums"
    width = max(len(r['name']) for r in rows)
    line = lambda name, flops, hours, device, host, done='': f'{name:<{width}}  {flops:>9}  {hours:>8}  {device:>9}  {host:>8}  {done}'.rstrip()
    out = [line('job', 'FLOP', 'hours', 'device MB', 'host MB')]
    out += [line(r['name'], f'{r["flops"]:.2g}', f'{r["hours"]:.2f}', f'{r["device_mb"]:.0f}', f'{r["host_mb"]:.0f}', 'done' if r['done'] else '') for r in rows]
    for title, part in [*((k, [r for r in rows if r['kind'] == k]) for k in ('estimate', 'train', 'evaluate')), ('to do', [r for r in rows if not r['done']])]:
        out.append(line(f'{title}: {len(part)} jobs', f'{sum(r["flops"] for r in part):.2g}', f'{sum(r["hours"] for r in part):.1f}',
            *(f'{max((r[k] for r in part), default=0):.0f}' for k in ('device_mb', 'host_mb'))))
    return out

def main(*args):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('profile')
    parser.add_argument('--device', default='h200', choices=DEVICES)
    parser.add_argument('--tflops', type=float, help='sustained in float32')
    given = parser.parse_args(args)
    try: rows = plan(read_profile(profile_file(given.profile)), given.device, given.tflops)
    except ValueError as e: sys.exit(str(e))
    rate, step, layer = DEVICES[given.device]
    print('\n'.join(lines(rows)))
    print(f'\nBy estimate, for one device ({given.device}): {given.tflops or rate:g} TFLOP/s sustained in float32, {1e3*step:g} ms to start a training step, '
          f'{1e6*layer:g} µs a layer. The last lines are sums, of memory the largest. An indirect estimator\'s projections are counted where they are first asked for.')

if __name__ == '__main__': main(*sys.argv[1:])
