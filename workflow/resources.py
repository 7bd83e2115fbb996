"""What a job asks a cluster for. Small tables with reasons: change them here, or add `--set-resources` for one rule.

Nothing here limits a run on one's own machine, unless told to: `--resources mem_mb=16000 gpu=1` lets no more start than fit.
"""
IMAGES = 'squares', 'squares32', 'mnist35', 'mnist', 'cifar10', 'cxr'  # what a ResNet looks at

# MB of host memory. Peaks measured on CPUs are 1,000 to 1,600 MB for every kind of run (results/desk/runs.csv): torch, fastai and one batch.
BASE = dict(train=2000, estimate=2000, evaluate=2000, report=2000)
CUDA = 2000                                       # what torch's CUDA context adds; only where a GPU is asked for
DATA = dict(spheres=0,                            # drawn batch by batch
            squares=4500,                         # 11,200 images of 224 × 224 in float32 are 2.2 GB, and a copy of a split while it is drawn
            squares32=100, mnist35=200, mnist=500, cifar10=500,  # bytes, until a batch is asked for
            cxr=1500)                             # some 2,000 + 3,000 images of 224 × 224 and their decoding
PROJECTIONS = dict(mnist=2500, cifar10=7500)      # the cache of an indirect estimator, should the system hold all of it (protocol 7.3)

# minutes. A training and a generator resume from their checkpoint, an evaluation from the attacks it has finished: a limit costs no more than
# one epoch, or one attack. A day is what most partitions allow.
RUNTIME = dict(train=1440, estimate=1440, evaluate=1440, report=60)
VECTORS = dict(evaluate=240)                      # Spheres: seconds a model on a GPU, some minutes on a core

def host_mb(kind, dataset=None, estimators=(), steps=0):
    "MB of host memory of a job; a second attempt gets twice as much"
    cached = PROJECTIONS.get(dataset, 0) if 'indirect' in estimators else 0
    return BASE[kind] + DATA.get(dataset, 0) + cached + CUDA*gpus(kind, dataset, steps)

def minutes(kind, dataset=None): return VECTORS.get(kind, RUNTIME[kind]) if dataset == 'spheres' else RUNTIME[kind]

def gpus(kind, dataset=None, steps=0):
    "Images and the trained generators want one, and so do the hundreds of thousands of steps that the paper takes on vectors; fewer are quick enough without, and a report needs none"
    return int(kind != 'report' and (dataset in IMAGES or steps >= 100_000))

def dataset_of(job): return job.given.get('dataset') or (job.folder.split('/')[3] if job.kind == 'evaluate' else None)
def estimators_of(job): return [job.given.get('estimator'), *job.given.get('compare', ()), job.given.get('method')]

def asked(job):
    "What Snakemake is told of one job: mem_mb (grows with the attempt), runtime, gpu, attempt"
    steps = job.given.get('steps') or 0
    mb = host_mb(job.kind, dataset_of(job), estimators_of(job), steps)
    return dict(mem_mb=lambda wildcards, attempt: mb*attempt, runtime=minutes(job.kind, dataset_of(job)), gpu=gpus(job.kind, dataset_of(job), steps))
