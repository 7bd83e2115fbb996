"""What a wrong parameter, a killed worker, a full disk and a lost node leave behind: nothing lost, the rest finishes, the report names what is missing.

The workflow is the real one, and so are its retries; the notebooks are toys without torch that write as the library does.
"""
import os, signal, subprocess, sys
import pytest
from conftest import ROOT
from test_workflow import EVALUATE, REPORT, command, family, house, numbers_or_gaps, wait_for, write_notebook  # noqa: F401, house is a fixture

FAULTS = '''
profile: toy
seeds: [0]
train:
  disk.full: {steps: 6}
  wrong.parameter: {stepz: 2}
  worker.killed: {steps: 6}
  good.run: {steps: 1}
evaluate:
  disk: {factor: 10}
'''
# a checkpoint of 200 kB a step, written as `gradalign.training` writes its own
TRAIN = ["profile = 'toy'\ndataset = 'toy'\nmethod = 'quick'\nseed = 0\nout = ''\nsteps = 1", '''
import time
from pathlib import Path
from gradalign.experiments.records import replacing
checkpoint = Path(out)/'checkpoint'
step = len(checkpoint.read_bytes())//200_000 if checkpoint.exists() else 0
print('from step', step)
while step < steps:
    time.sleep(.2)
    step += 1
    with replacing(checkpoint) as tmp: tmp.write_bytes(b'.'*(200_000*step))
''', "with replacing(Path(out, 'record.json')) as tmp: tmp.write_text(str(steps + seed))"]

@pytest.fixture
def broken(house):  # noqa: F811
    (house/'workflow/toy.yaml').write_text(FAULTS)
    write_notebook(house/'nbs/experiments/train.ipynb', TRAIN)
    return house

@pytest.fixture
def small_disk(broken):
    "A file system of 1 MB where the run disk.full writes"
    place = broken/'runs/toy/train/disk'
    place.mkdir(parents=True)
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], capture_output=True, text=True)
    if done.returncode: pytest.skip(f'no small file system to fill: {done.stderr.strip()}')
    yield place
    subprocess.run(['umount', '-l', place], check=True)

def start(house, *options): # noqa: F811
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    process = subprocess.Popen([sys.executable, house/'workflow/figures.py', 'toy', *(options or ['--cores', '2', '--retries', '1'])], cwd=house, env=env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    started.append(process)
    return process

started = []

@pytest.fixture(autouse=True)
def nothing_stays():
    yield
    while started: started.pop().kill()       # what comes from it ends with it (workflow/lifeline.py)

def finish(process):
    "Exit status and output; patient, since the machine may have other things to do"
    output, _ = process.communicate(timeout=1200)
    return process.returncode, output

def kernel_of(process, name):
    "The kernel in which the run of that name computes"
    runners = [p for p in family(process) if 'run_notebook.py' in command(p) and f'--title {name}' in command(p)]
    return next(k for p in runners for k in p.children(recursive=True) if '--kernel' in command(k))

def test_three_faults_at_once(broken, small_disk):
    process = start(broken)
    wait_for(lambda: list((broken/'runs/toy/train/worker/killed').glob('*/0/checkpoint')), 600)
    kernel_of(process, 'train worker.killed').send_signal(signal.SIGKILL)
    status, output = finish(process)
    assert status != 0
    # the worker was started again, from its checkpoint
    assert '[train worker.killed seed 0] starts, attempt 2' in output and '[train worker.killed seed 0] done' in output, output
    assert [line for line in output.splitlines() if line.startswith('[train worker.killed seed 0] from step')][-1] != '[train worker.killed seed 0] from step 0'
    # a wrong parameter is not tried again; the full disk is
    assert output.count('no parameter stepz') == 2 and output.count('not tried again') == 1
    assert '[train disk.full seed 0] starts, attempt 2' in output and output.count('No space left') >= 2
    # the rest has finished, and the report names what has not
    missing = [line for line in output.splitlines() if line.startswith('[missing]')]
    assert missing == [f'[missing] {name} seed 0' for name in ('train disk.full', 'train wrong.parameter', 'evaluate disk.full')]
    named = [g.split('/')[2:5] if g.startswith('no ') else g for g in numbers_or_gaps(broken)]
    assert named == [['train', 'disk', 'full'], ['train', 'wrong', 'parameter'], '6', '1', ['evaluate', 'disk', 'full']]
    # nothing is lost: the last whole checkpoint is there, no scraps beside it, and room and a right parameter are all it takes
    run, = small_disk.glob('full/*/0')
    assert (run/'checkpoint').stat().st_size % 200_000 == 0 and not list(run.glob('.tmp-*'))
    subprocess.run(['mount', '-o', 'remount,size=20m', small_disk], check=True)
    (broken/'workflow/toy.yaml').write_text(FAULTS.replace('stepz', 'steps'))
    status, output = finish(start(broken))
    assert status == 0, output
    assert '[train disk.full seed 0] from step 0' not in output and '[train disk.full seed 0] from step' in output
    assert '[train worker' not in output and '[train good' not in output
    assert numbers_or_gaps(broken) == ['6', '2', '6', '1', '60']

# a cluster of one machine: the commands of Slurm that Snakemake's plugin calls, a few lines each. Its first job is lost with its node
CLUSTER = dict(
    sbatch='''
import glob
wrap, = [a for a in sys.argv if a.startswith('--wrap=')]
job = len(glob.glob(f'{place}/*.asked')) + 1
open(f'{place}/{job}.asked', 'w').write(' '.join(a for a in sys.argv[1:] if a != wrap))
if job > 1: subprocess.Popen(['sh', '-c', wrap.removeprefix('--wrap=') + f'; echo $? > {place}/{job}.status'], start_new_session=True,
    stdin=subprocess.DEVNULL, stdout=open(f'{place}/{job}.log', 'w'), stderr=subprocess.STDOUT, env=dict(os.environ, SLURM_JOB_ID=str(job)))
print(job)''',
    srun='''
rest = sys.argv[1:]
while rest[0].startswith('-'): rest.pop(0)
os.execvp(rest[0], rest)''',
    sacct='''
import glob
if '--format=JobIdRaw,State' not in sys.argv: sys.exit()   # asked for a node or a reason
for asked in glob.glob(f'{place}/*.asked'):
    job = os.path.basename(asked).split('.')[0]
    try: state = 'COMPLETED' if int(open(f'{place}/{job}.status').read()) == 0 else 'FAILED'
    except (OSError, ValueError): state = 'NODE_FAIL' if job == '1' else 'RUNNING'
    print(f'{job}|{state}')''',
    scancel='', sinfo='', squeue='', scontrol='')

@pytest.fixture
def cluster(tmp_path, monkeypatch):
    pytest.importorskip('snakemake_executor_plugin_slurm', reason="Snakemake's plugin for Slurm comes with pip install '.[slurm]'")
    place, tools = tmp_path/'queue', tmp_path/'bin'
    place.mkdir(), tools.mkdir()
    for name, text in CLUSTER.items():
        (tools/name).write_text(f'#!{sys.executable}\nimport os, subprocess, sys\nplace = {str(place)!r}\n{text}\n')
        (tools/name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tools}:{os.environ["PATH"]}')
    return place

def test_the_same_jobs_on_a_cluster_survive_a_lost_node(house, cluster): # noqa: F811
    (house/'workflow/toy.yaml').write_text('profile: toy\nseeds: [0]\ntrain: {mnist.quick: {steps: 1}}\n')
    process = start(house, '--profile', f'{house}/workflow/profiles/slurm', '--slurm-no-account', '--default-resources', 'slurm_partition=here',
                    '--slurm-init-seconds-before-status-checks', '1', '--seconds-between-status-checks', '1', '--latency-wait', '5')
    status, output = finish(process)
    assert status == 0, output + '\n'.join(p.read_text() for p in cluster.glob('*.log'))
    assert (house/'results/toy/numbers.csv').read_text() == '1'
    first, second, report = (next(cluster.glob(f'{k}.asked')).read_text() for k in (1, 2, 3))
    memory = [int(text.split('--mem')[1].split()[0].strip('= ')) for text in (first, second, report)]
    assert memory[1] == 2*memory[0] and memory[2] < memory[0]      # lost: the next attempt asks for more
    assert all('gpu' in text for text in (first, second)) and 'gpu' not in report
    assert 'starts, attempt 2' in ''.join(p.read_text() for p in cluster.glob('*.log'))
