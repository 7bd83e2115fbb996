"""A lower floor never imports a higher one, and the library never imports what only runs it."""
import ast, configparser, re, sys
from importlib.util import resolve_name
import pytest
from conftest import ROOT

FLOORS = {'geometry': 0, 'files': 0, 'models': 1, 'data': 1, 'fingerprint': 2, 'alignment': 2, 'theory': 2, 'attacks': 2, 'many_classes': 2,
          'estimators': 3, 'robustness': 3, 'training': 3, 'penalties': 3, 'measures': 3, 'experiments': 4, 'report_card': 5}
OPTIONAL = {'gradalign.many_classes': {'robustbench', 'pytorch_pretrained_biggan'}, 'gradalign.report_card.sources': {'timm'}} # adapters that say what is missing
MODULES = [p for p in sorted((ROOT/'gradalign').rglob('*.py')) if p.name != '_modidx.py']

def module(path):
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)

def imports(path):
    "Full names of every module a file imports, wherever in the file"
    package = module(path) if path.name == '__init__.py' else module(path).rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import): yield from (a.name for a in node.names)
        if isinstance(node, ast.ImportFrom):
            base = resolve_name('.'*node.level + (node.module or ''), package)
            yield from (f'{base}.{a.name}' for a in node.names)

def floor(name):
    "0 to 5; the package itself is below all"
    _, *room = name.split('.')
    return FLOORS[room[0]] if room else -1

@pytest.mark.parametrize('path', MODULES, ids=module)
def test_no_import_runs_up_a_floor(path):
    ours = [n for n in imports(path) if n.split('.')[0] == 'gradalign']
    assert not [n for n in ours if floor(n) > floor(module(path))]

IMPORTED_AS = {'scikit_learn': 'sklearn', 'pillow': 'PIL'} # packages whose module has another name

def requirements(key):
    "Names of the modules that the packages of settings.ini bring"
    parser = configparser.ConfigParser(delimiters=['='])
    parser.read(ROOT/'settings.ini', encoding='utf-8')
    packages = {re.match(r'[\w-]+', r)[0].replace('-', '_') for r in parser['DEFAULT'][key].split()}
    return {IMPORTED_AS.get(p, p) for p in packages}

@pytest.mark.parametrize('path', MODULES, ids=module)
def test_the_library_imports_only_what_it_requires(path):
    "So neither papermill nor snakemake, nbdev nor foolbox: those are for the notebooks and the workflow"
    tops = {n.split('.')[0] for n in imports(path)} - {'gradalign'} - set(sys.stdlib_module_names)
    assert tops <= requirements('requirements') | {'IPython'} | OPTIONAL.get(module(path), set())

def test_a_run_up_is_seen(tmp_path):
    assert floor('gradalign.experiments.runs') > floor('gradalign.training') > floor('gradalign.models.wrap') > floor('gradalign')
    with pytest.raises(KeyError): floor('gradalign.attic')  # a new room needs a floor
