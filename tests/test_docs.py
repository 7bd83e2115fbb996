"""The site: every notebook is in its navigation, every how-to is linked, and no link of a notebook leads nowhere. Nothing is built here."""
import json, re, sys
import nbformat, pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from conftest import ROOT
sys.path.insert(0, str(ROOT/'docs'))
import build

NAMES = [build.docname(p) for p in build.notebooks()]

def test_every_notebook_is_in_the_navigation_once():
    pages = [p for listed in build.navigation().values() for p in listed]
    assert len(pages) == len(set(pages)) and set(NAMES) - {'index'} == set(pages) - {'api/index'}

def test_the_reading_list_comes_first_and_in_its_order():
    heading, pages = next(iter(build.navigation().items()))
    linked = [t for _, t in build.links(ROOT/'nbs/index.ipynb')]
    places = [linked.index(f'{p}.ipynb') for p in pages]
    assert heading == 'Read in this order' and places == sorted(places) and len(pages) > 15
    assert pages[:3] == ['00_notation', '01_geometry', '02_models']

def test_every_how_to_is_linked():
    howtos = sorted(p.name for p in build.HOWTO.glob('*.ipynb'))
    assert build.navigation()['How to'] == [f'howto/{n.removesuffix(".ipynb")}' for n in howtos] and len(howtos) >= 6
    linked = {(p.parent/t).resolve() for p in build.notebooks() for _, t in build.links(p)}
    assert not [n for n in howtos if build.HOWTO/n not in linked]   # from another page than the navigation, too

@pytest.mark.parametrize('path', build.notebooks(), ids=build.docname)
def test_no_link_leads_nowhere(path):
    assert not [t for _, t in build.links(path) if not (path.parent/t).exists()]

def test_no_link_of_the_report_leads_nowhere(tmp_path):
    for path in build.notebooks():
        page = tmp_path/f'{build.docname(path)}.html'
        page.parent.mkdir(parents=True, exist_ok=True)
        page.touch()                                                # what Sphinx would make of it
        if 'results/' in path.read_text(encoding='utf-8'): build.prepared(path, tmp_path)
    reports = list((tmp_path/'results').rglob('*.html'))
    assert reports and 'href="../../paper/' in reports[0].read_text(encoding='utf-8')
    assert build.dead_links(tmp_path) == []

COMMANDS = [(p, m) for p in build.notebooks() for text in build.prose(p) for m in re.finditer(r'papermill (nbs/\S+\.ipynb) \S+\.ipynb((?: (?:\\\n\s*)?-p \S+ \S+)+)', text)]

@pytest.mark.parametrize('path, command', COMMANDS, ids=[f'{build.docname(p)}-{i}' for i, (p, _) in enumerate(COMMANDS)])
def test_a_command_in_the_prose_is_one_that_runs(path, command):
    from run_notebook import check
    from gradalign.experiments.runs import check_train
    number = lambda v: float(v) if re.fullmatch(r'[\d.e-]+', v) else v
    given = {k: number(v) for k, v in re.findall(r'-p (\S+) (\S+)', command[2])}
    check(ROOT/command[1], given)
    if command[1].endswith('/train.ipynb'): check_train(given['dataset'], given['method'], given)
    assert '.venv/bin/' + command[0].splitlines()[0] in '\n'.join(build.prose(path))   # the papermill that make has installed

def test_commands_are_found(): assert {c[1].rsplit('/', 1)[-1] for _, c in COMMANDS} >= {'train.ipynb', 'evaluate.ipynb'}

def test_a_dead_link_is_seen(tmp_path):
    (tmp_path/'a.html').write_text('<h1 id="here">A</h1><a href="b.html#there">b</a> <a href="#here">a</a> <a href="gone.html">c</a> <a href="https://example.org">d</a>')
    (tmp_path/'b.html').write_text('<h1 id="elsewhere">B</h1><img src="no.png"><a href="a.html#here">a</a>')
    assert build.dead_links(tmp_path) == [('a.html', 'b.html#there'), ('a.html', 'gone.html'), ('b.html', 'no.png')]

def test_every_exported_module_has_a_page():
    exported = {m for p in build.notebooks() for c in build.cells(p) if (m := re.search(r'^#\|\s*default_exp\s+(\S+)', build.source(c)))}
    assert set(build.modules()) == {f'gradalign.{m[1]}' for m in exported}

def test_machinery_is_not_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(build, 'ROOT', tmp_path), monkeypatch.setattr(build, 'NBS', tmp_path/'nbs')
    (tmp_path/'nbs').mkdir(), (tmp_path/'run.yaml').write_text('a: 1')
    cells = [new_code_cell('#| default_exp a'), new_code_cell('#| hide\nimport x'), new_code_cell('#| export\ndef f(): pass'), new_code_cell('#| echo: false\nf()'),
             new_markdown_cell('see [this](../run.yaml), [that](https://example.org) and [b](b.ipynb)')]
    nbformat.write(new_notebook(cells=cells), tmp_path/'nbs/a.ipynb')
    (tmp_path/'nbs/b.ipynb').touch()
    shown = json.loads(build.prepared(tmp_path/'nbs/a.ipynb', tmp_path/'files'))['cells']
    assert [c['source'] for c in shown] == ['def f(): pass', 'f()', 'see <a href="run.yaml.txt">this</a>, [that](https://example.org) and [b](b.ipynb)']
    assert shown[1]['metadata']['tags'] == ['remove-input'] and (tmp_path/'files/run.yaml.txt').read_text() == 'a: 1'
    nbformat.write(new_notebook(cells=[new_markdown_cell('[gone](../gone.yaml)')]), tmp_path/'nbs/a.ipynb')
    with pytest.raises(ValueError, match='links to ../gone.yaml, which is not there'): build.prepared(tmp_path/'nbs/a.ipynb', tmp_path/'files')
