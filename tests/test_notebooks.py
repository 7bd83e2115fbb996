"""Every notebook under nbs/ runs with its defaults, one test each."""
import json, re
import nbformat, pytest
from nbclient import NotebookClient
from conftest import ROOT

NOTEBOOKS = [p for p in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts]
# the slowest first, so that no worker is left alone with one at the end
SLOW = ['experiments/01_runs.ipynb', '05_robustness.ipynb', 'experiments/report.ipynb', 'benchmarks/03_attack_speed.ipynb', '06_training.ipynb', 'benchmarks/01_training_speed.ipynb']

def name(path): return path.relative_to(ROOT/'nbs').as_posix()
def rank(path): return (SLOW.index(name(path)) if name(path) in SLOW else len(SLOW), name(path))

def evaluated(cell): return not re.search(r'^#\|\s*eval:\s*false', cell.source, re.MULTILINE)

@pytest.mark.parametrize('path', sorted(NOTEBOOKS, key=rank), ids=name)
def test_runs(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [c for c in notebook.cells if c.cell_type != 'code' or evaluated(c)]
    NotebookClient(notebook, timeout=300, kernel_name='python3', resources={'metadata': {'path': str(path.parent)}}).execute()

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
