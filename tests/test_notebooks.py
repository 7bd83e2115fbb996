"""Every notebook under nbs/ runs with its defaults, one test each."""
import json, re, subprocess, sys
import nbformat, pytest
from conftest import ROOT

NOTEBOOKS = [p for p in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts]
# the slowest first, so that no worker is left alone with one at the end
SLOW = ['experiments/01_runs.ipynb', '05_robustness.ipynb', 'experiments/report.ipynb', 'benchmarks/03_attack_speed.ipynb', '06_training.ipynb', 'benchmarks/01_training_speed.ipynb']

def name(path): return path.relative_to(ROOT/'nbs').as_posix()
def rank(path): return (SLOW.index(name(path)) if name(path) in SLOW else len(SLOW), name(path))

@pytest.fixture(scope='session')
def runner():
    "`runner(path)` runs a notebook; gives back what failed"
    server = subprocess.Popen([sys.executable, '-W', 'ignore', ROOT/'tests/running.py'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding='utf-8')
    def run(path):
        print(path, file=server.stdin, flush=True)
        return json.loads(server.stdout.readline() or '"the server died"')
    yield run
    server.stdin.close()
    server.wait(30)

@pytest.mark.parametrize('path', sorted(NOTEBOOKS, key=rank), ids=name)
def test_runs(path, runner):
    failed = runner(path)
    assert not failed, failed

@pytest.mark.parametrize('code, told', [('1/0', 'ZeroDivisionError'), ('x = (', 'SyntaxError'), ('import os; os._exit(3)', 'its process died'), ('raise SystemExit', 'SystemExit')])
def test_what_fails_is_told(runner, tmp_path, code, told):
    cell = nbformat.v4.new_code_cell
    write = lambda name, *sources: nbformat.write(nbformat.v4.new_notebook(cells=[cell(s) for s in sources]), tmp_path/name)
    write('bad.ipynb', 'y = 1', code)
    write('good.ipynb', '#| eval: false\n1/0', 'z = 1', 'assert __name__ == "__main__" and "y" not in globals()', 'from pathlib import Path; assert Path("good.ipynb").exists()')
    assert told in runner(tmp_path/'bad.ipynb')
    assert runner(tmp_path/'good.ipynb') == ''

@pytest.mark.parametrize('path', sorted(NOTEBOOKS), ids=name)
class TestSaved:
    def test_no_errors(self, path):
        cells = nbformat.read(path, as_version=4).cells
        errors = [o.evalue for c in cells for o in c.get('outputs', []) if o.output_type == 'error']
        assert not errors

    def test_no_paths_of_one_machine(self, path):
        cells = nbformat.read(path, as_version=4).cells
        text = '\n'.join(c.source for c in cells) + json.dumps([strip_images(o) for c in cells for o in c.get('outputs', [])])
        assert not re.findall(r'''(?<![\w.])/(?:home|root|tmp|Users|work|mnt|usr|var)/[^\s"'\\]*''', text)

    def test_exported_cells_are_short(self, path):
        sources = [c.source for c in nbformat.read(path, as_version=4).cells if c.source.lstrip().startswith('#| export')]
        long = [s.splitlines()[1] for s in sources if len([l for l in s.splitlines() if l.strip()]) > 40]
        assert not long, 'more than one idea in a cell?'

def strip_images(output):
    return {k: {m: d for m, d in v.items() if not m.startswith('image/')} if k == 'data' else v for k, v in output.items()}
