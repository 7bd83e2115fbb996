"""make figures: what runs, what does not run again, what a failure and a kill leave behind.

The workflow is the real one; its notebooks are toys without torch, so that all of this takes seconds.
"""
import json, shutil, subprocess, sys, time
from pathlib import Path
import nbformat, psutil, pytest
from nbformat.v4 import new_code_cell, new_notebook
from conftest import ROOT
from jobs import jobs, profile_file, profiles, read_profile
from run_notebook import check, code_hash, last_row, parameters, sockets

TOY = '''
profile: toy
seeds: [0]
train:
  toy.slow: {steps: 8}
  side.quick: {steps: 2}
evaluate:
  toy: {factor: 10}
'''
TRAIN = ["profile = 'toy'\ndataset = 'toy'\nmethod = 'quick'\nseed = 0\nout = ''\nsteps = 1", '''
import json, time
from pathlib import Path
checkpoint = Path(out)/'checkpoint'
step = int(checkpoint.read_text()) if checkpoint.exists() else 0
print('from step', step)
while step < steps:
    time.sleep(.25)
    step += 1
    checkpoint.write_text(str(step))
''', "Path(out, 'record.json').write_text(json.dumps(steps + seed))"]
EVALUATE = ["profile = 'toy'\nrun = ''\nseed = 0\nout = ''\nfactor = 1", '''
import json
from pathlib import Path
Path(out, 'record.json').write_text(json.dumps(factor*json.loads(Path(run, 'record.json').read_text())))''']
REPORT = ["profile = 'toy'\nruns = []\nresults = ''", '''
from pathlib import Path
records = [Path(run, 'record.json') for run in runs]
Path(results).mkdir(parents=True, exist_ok=True)
Path(results, 'numbers.csv').write_text('\\n'.join(r.read_text() if r.exists() else f'no {r.parent}' for r in records))''']

def write_notebook(path, cells, tags=('parameters',)):
    "A notebook whose first cells bear `tags`"
    cells = [new_code_cell(c) for c in cells]
    for cell, tag in zip(cells, tags): cell.metadata['tags'] = [tag]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path

@pytest.fixture
def house(tmp_path):
    "The real workflow with toy notebooks, in a folder with blanks in its name"
    house = tmp_path/'a toy house'
    shutil.copytree(ROOT/'workflow', house/'workflow', ignore=shutil.ignore_patterns('*.yaml', '__pycache__'))
    shutil.copytree(ROOT/'workflow/profiles', house/'workflow/profiles', dirs_exist_ok=True)
    (house/'workflow/toy.yaml').write_text(TOY)
    for kind, cells in dict(train=TRAIN, estimate=TRAIN, evaluate=EVALUATE, report=REPORT).items():
        write_notebook(house/f'nbs/experiments/{kind}.ipynb', cells)
    (house/'Makefile').write_text(f'figures:\n\t@exec "{sys.executable}" workflow/figures.py toy --cores 2\n')
    return house

def start(house): return subprocess.Popen(['make', 'figures'], cwd=house, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

def figures(house):
    "Exit status and output of `make figures`"
    process = start(house)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output

def numbers_or_gaps(house): return (house/'results/toy/numbers.csv').read_text().splitlines()
def numbers(house): return (house/'results/toy/numbers.csv').read_text().split()

def test_figures_twice(house):
    status, output = figures(house)
    assert status == 0, output
    assert numbers(house) == ['8', '2', '80']
    assert '[train toy.slow seed 0] from step 0' in output and 'steps (100%) done' in output
    status, output = figures(house)
    assert status == 0 and 'Nothing to be done' in output

    shutil.move(house, house.with_name('another name'))  # and nothing of it hangs on the place
    house = house.with_name('another name')
    assert 'Nothing to be done' in figures(house)[1]

    shutil.rmtree(house/'runs/toy/evaluate/toy/slow')  # how a run is asked for again
    status, output = figures(house)
    assert status == 0 and '[evaluate toy.slow seed 0]' in output and '[train' not in output and '[report]' in output

    write_notebook(house/'nbs/experiments/report.ipynb', [*REPORT, 'print("new code")'])
    status, output = figures(house)
    assert status == 0 and '[report] new code' in output and '[evaluate' not in output

def test_a_failed_run_leaves_its_notebook_and_stops_no_other(house):
    write_notebook(house/'nbs/experiments/train.ipynb', [*TRAIN, 'assert method != "slow", "too slow"'])
    status, output = figures(house)
    assert status != 0 and '[train toy.slow seed 0] failed: AssertionError: too slow' in output
    folder, = (house/'runs/toy/train/toy/slow').glob('*/0')
    assert 'too slow' in (folder/'run.ipynb').read_text()
    assert '[train side.quick seed 0] done' in output and '[evaluate' not in output and '[report]' not in output
    assert output.count('failed: AssertionError') == 1 and 'not tried again: AssertionError: too slow' in output   # it would fail again
    assert '[missing] train toy.slow seed 0' in output and '[missing] train side.quick' not in output and numbers_or_gaps(house)[1] == '2'

def family(process):
    "A process and all that come from it"
    top = psutil.Process(process.pid)
    return [top, *top.children(recursive=True)]

def command(process): # nothing for one that has just ended
    try: return ' '.join(process.cmdline())
    except psutil.Error: return ''

def wait_for(condition, seconds, every=.05):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, 'waited in vain'
        time.sleep(every)

def in_the_middle(house):
    "Start, and come back when the slow training has done a part"
    process = start(house)
    wait_for(lambda: list((house/'runs/toy/train/toy/slow').glob('*/0/checkpoint')), 60)
    return process, family(process)

def gone(processes): return all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes)

@pytest.mark.parametrize('victim', ['make', 'snakemake'])
def test_nothing_outlives_a_kill_and_figures_goes_on(house, victim):
    process, processes = in_the_middle(house)
    commands = [command(p) for p in processes]
    assert any('--kernel' in c for c in commands) and any('figures.py' in c for c in commands)
    (process if victim == 'make' else next(p for p in processes if 'figures.py' in command(p))).kill()
    wait_for(lambda: gone(processes), 10)
    process.communicate()
    status, output = figures(house)
    assert status == 0 and '[train toy.slow seed 0] from step 0' not in output
    assert numbers(house) == ['8', '2', '80']

def test_a_reader_that_goes_ends_it(house):
    process, processes = in_the_middle(house)
    process.stdout.close()
    wait_for(lambda: gone(processes), 60)

def test_two_at_once_are_refused(house):
    process, processes = in_the_middle(house)
    argv = [p.cmdline() for p in processes if '--kernel' in command(p)]
    given = [json.loads(Path(a[a.index('-f') + 1]).read_text()) for a in argv]
    assert given and {g['transport'] for g in given} == {'ipc'}                 # of two ports that are chosen at once one may be gone
    status, output = figures(house)
    assert status != 0 and 'at work in this folder' in output
    assert process.wait(60) == 0

def test_ports_where_a_path_is_too_long_for_a_socket():
    assert sockets('/tmp/kernel-12345678')['transport'] == 'ipc'
    assert [*sockets('/' + 'long/'*20)] == ['connection_file']

# profiles

GENERATORS = """
profile: toy
seeds: [0, 1]
estimate:
  toy.direct: {steps: 5, seeds: [0, 7, 8]}
train:
  toy.plain: {steps: 2, seeds: [0]}
  toy.guided: {steps: 3, generator: [7, 8]}
evaluate:
  toy: {generator: 0, judge: plain}
"""

def read(tmp_path, text):
    (tmp_path/'toy.yaml').write_text(text)
    return {j.name: j for j in jobs(read_profile(tmp_path/'toy.yaml'))}

def test_a_run_names_the_runs_it_is_made_from(tmp_path):
    found, other = read(tmp_path, GENERATORS), read(tmp_path, GENERATORS.replace('steps: 5', 'steps: 6'))
    made = {k: found[f'estimate toy.direct seed {k}'].folder for k in (0, 7, 8)}
    assert [found[f'train toy.guided seed {k}'].given['generator'] for k in (0, 1)] == [made[7], made[8]]
    assert found['train toy.guided seed 1'].needs == (made[8],)
    look, plain = found['evaluate toy.guided seed 1'], found['train toy.plain seed 0'].folder
    assert (look.given['generator'], look.given['judge']) == (made[0], plain)
    assert look.needs == (found['train toy.guided seed 1'].folder, made[0], plain)
    changed = {n for n in found if found[n].folder != other[n].folder}            # another generator, other runs
    assert changed == {n for n in found if 'direct' in n or 'guided' in n or n.startswith('evaluate')}

def test_an_entry_may_list_variants(tmp_path):
    found = read(tmp_path, GENERATORS.replace('toy.plain: {steps: 2, seeds: [0]}', 'toy.plain: [{steps: 2, seeds: [0]}, {steps: 4, seeds: [0]}]'))
    one, two = (found[f'train toy.plain seed 0{v}'] for v in ('', ', variant 2'))
    assert (one.given['steps'], two.given['steps']) == (2, 4) and one.folder != two.folder
    assert found['evaluate toy.plain seed 0, variant 2'].needs[0] == two.folder
    assert found['evaluate toy.guided seed 1'].given['judge'] == one.folder

SWEEP = """
sweep:
  toy.guided: {steps: 4, generator: 8, eps: [.1, .2], seeds: [0, 1], evaluate: {n: 3, generator: 0}}
  toy.plain: {steps: 2, eps: [1], seeds: [5], evaluate: {n: 9}}
"""

def test_a_sweep_is_a_training_and_a_look_for_every_strength_and_seed(tmp_path):
    found, without = read(tmp_path, GENERATORS + SWEEP), read(tmp_path, GENERATORS)
    new = [n for n in found if n not in without]
    assert new == [f'{k} toy.guided eps {e} seed {s}' for e in ('0.1', '0.2') for s in (0, 1) for k in ('train', 'evaluate')] + [f'{k} toy.plain eps 1 seed 5' for k in ('train', 'evaluate')]
    train, look = (found[f'{k} toy.guided eps 0.2 seed 1'] for k in ('train', 'evaluate'))
    assert (train.given['eps'], train.given['steps'], look.given['n'], look.given['run']) == (.2, 4, 3, train.folder)
    made = {k: found[f'estimate toy.direct seed {k}'].folder for k in (0, 8)}
    assert train.needs == (made[8],) and look.needs == (train.folder, made[0])
    report = found['report']
    assert report.given['runs'] == without['report'].given['runs'] and report.given['sweep'] == [found[n].folder for n in new]
    assert set(report.needs) == {j.folder for n, j in found.items() if n != 'report'} and 'sweep' not in without['report'].given

def test_a_run_that_the_sweep_shares_with_the_rest_is_made_once(tmp_path):
    text = "profile: toy\nseeds: [0]\ntrain:\n  toy.a: {eps: .1, steps: 2}\nevaluate:\n  toy: {n: 3}\nsweep:\n  toy.a: {eps: [.1, .2], steps: 2, evaluate: {n: 3}}\n"
    found = read(tmp_path, text)
    assert list(found) == ['train toy.a seed 0', 'evaluate toy.a seed 0', 'train toy.a eps 0.2 seed 0', 'evaluate toy.a eps 0.2 seed 0', 'report']
    assert len(found['report'].given['sweep']) == 4

@pytest.mark.parametrize('own, message', [('{eps: [1], steps: 2}', 'evaluate is missing'), ('{steps: 2, evaluate: {}}', 'eps is missing'), ('{eps: 1, evaluate: {}}', 'eps must be a list')])
def test_slips_in_a_sweep_are_errors(tmp_path, own, message):
    with pytest.raises(ValueError, match=message): read(tmp_path, f'profile: toy\nseeds: [0]\nsweep:\n  toy.a: {own}\n')

@pytest.mark.parametrize('old, new, message', [('[7, 8]', '[7]', 'toy.guided: generator lists 1 seeds, the entry has 2'),
    ('[7, 8]', '3', 'generator 3: the profile has no estimate toy.direct with seed 3'), ('judge: plain', 'judge: fancy', 'no train toy.fancy with seed')])
def test_runs_that_are_not_there_are_refused(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message): read(tmp_path, GENERATORS.replace(old, new))

def test_every_profile_can_be_read():
    assert {'quick', 'digits', 'desk', 'paper'} <= set(profiles())
    for name in profiles(): assert jobs(read_profile(profile_file(name)))[-1].kind == 'report'

@pytest.mark.parametrize('name', profiles())
def test_no_model_is_judged_by_the_generator_it_was_trained_with(name):
    planned = jobs(read_profile(profile_file(name)))
    by_folder = {j.folder: j for j in planned}
    for j in planned:
        if j.kind != 'evaluate': continue
        own = by_folder[j.given['run']].given.get('generator')
        assert own is None or own not in (j.given.get('generator'), j.given.get('compare_generator')), j.name

def test_an_unknown_profile_is_told_which_there_are():
    told = subprocess.run([sys.executable, ROOT/'workflow/figures.py', 'quik'], capture_output=True, text=True)
    assert told.returncode != 0 and 'quick' in told.stderr and 'quik' in told.stderr

@pytest.mark.parametrize('wrong, message', [
    ('trian: {}', 'trian'),
    ('train: {toy.a: {lr: 1e-3}}', '1.0e-3'),
    ('train: {toy.a: {}, toy.a: {}}', 'given twice'),
    ('train: [toy.a]', 'must be a dict'),
    ('train: {toya: {}}', 'dataset.method')])
def test_slips_in_a_profile_are_errors(tmp_path, wrong, message):
    file = tmp_path/'toy.yaml'
    file.write_text('profile: toy\nseeds: [0]\n' + wrong)
    with pytest.raises(ValueError, match=message): jobs(read_profile(file))

def test_other_parameters_other_folder():
    profile = dict(profile='p', seeds=[0, 1], train={'toy.a': {'steps': 1}}, evaluate={'toy': {}})
    a0, a1, e0, e1, report = jobs(profile)
    assert a0.folder.rpartition('/')[0] == a1.folder.rpartition('/')[0] and e0.needs == (a0.folder,)
    profile['train'] = {'toy.a': {'steps': 2}}
    b0, _, f0, *_ = jobs(profile)
    assert b0.folder != a0.folder and f0.folder != e0.folder  # the evaluation of another training is another evaluation
    assert report.given['runs'] == [a0.folder, a1.folder, e0.folder, e1.folder]

# the runner

def test_parameters_are_read_from_the_tagged_cell(tmp_path):
    notebook = write_notebook(tmp_path/'a.ipynb', ["steps = 1\nname: str = 'x'  # which\nbetas = (0, -.9)"])
    assert parameters(notebook) == dict(steps=1, name='x', betas=(0, -.9))

@pytest.mark.parametrize('cells, tags, message', [
    (['steps = 1'], [], '0 cells tagged'),
    (['steps = 1', 'steps = 2'], ['parameters']*2, '2 cells tagged'),
    (['steps = 1', 'x = 2'], ['params'], '0 cells tagged'),
    (['steps = 2*3'], ['parameters'], 'literal'),
    (['steps = 1\nimport os'], ['parameters'], 'import os'),
    (['stepz = 1'], ['parameters'], 'no parameter steps; it has: stepz')])
def test_a_notebook_that_would_silently_run_its_defaults_is_refused(tmp_path, cells, tags, message):
    notebook = write_notebook(tmp_path/'a.ipynb', cells, tags)
    with pytest.raises(ValueError, match=message): check(notebook, dict(steps=3))

@pytest.mark.parametrize('kind', ['train', 'estimate', 'evaluate', 'report'])
def test_our_notebooks_know_the_parameters_of_every_profile(kind):
    for name in profiles():
        for job in jobs(read_profile(profile_file(name))):
            if job.kind == kind: check(ROOT/f'nbs/experiments/{kind}.ipynb', job.given)

def test_code_hash_sees_code_only(tmp_path):
    notebook = write_notebook(tmp_path/'a.ipynb', ['x = 1'])
    before = code_hash(notebook)
    saved = nbformat.read(notebook, as_version=4)
    saved.cells.append(nbformat.v4.new_markdown_cell('prose'))
    saved.cells[0].outputs = [nbformat.v4.new_output('stream', text='1')]
    nbformat.write(saved, notebook)
    assert code_hash(notebook) == before
    write_notebook(notebook, ['x = 2'])
    assert code_hash(notebook) != before

def test_progress_is_the_last_row_of_the_log(tmp_path):
    log = tmp_path/'log.csv'
    assert last_row(log) is None
    log.write_text('step,loss,alpha\n')
    assert last_row(log) is None
    log.write_text('step,loss,alpha\n10,0.693147,\n20,0.512345678,0.6\n')
    assert last_row(log) == 'step 20, loss 0.5123, alpha 0.6'
