"""settings.ini is the one home of the package's metadata."""
import configparser, re
from importlib import metadata
import pytest, yaml
from conftest import ROOT

@pytest.fixture
def settings():
    parser = configparser.ConfigParser(delimiters=['='])
    parser.read(ROOT/'settings.ini', encoding='utf-8')
    return parser['DEFAULT']

def test_version_of_the_installed_package(settings): assert metadata.version('gradalign') == settings['version']

@pytest.mark.parametrize('file', ['setup.py', 'pyproject.toml', 'CITATION.cff', 'README.md', 'Makefile', 'gradalign/__init__.py'])
def test_version_is_written_once(settings, file):
    assert not re.search(rf'(?<![\d.]){re.escape(settings["version"])}(?![\d.])', (ROOT/file).read_text(encoding='utf-8'))

def test_ranges(settings):
    installed = metadata.metadata('gradalign')
    assert installed['Requires-Python'].replace(' ', '') in ('>=3.11,<3.14', '<3.14,>=3.11')
    assert [c for c in installed.get_all('Classifier') if '3.' in c] == [f'Programming Language :: Python :: 3.{n}' for n in (11, 12, 13)]
    assert 'torch>=2.11' in settings['requirements'].split()
    assert {'nbdev>=3.3.26', 'snakemake>=9.20'} <= set(settings['dev_requirements'].split())

def test_make_asks_for_the_same_pythons(settings):
    "The Makefile is read before anything is installed, so it repeats the range"
    bounds = [tuple(map(int, v.split('.'))) for v in (settings['min_python'], settings['max_python'])]
    assert (ROOT/'Makefile').read_text().count(f'{bounds[0]} <= ') == 2 == (ROOT/'Makefile').read_text().count(f' <= {bounds[1]}')

def test_citation_names_the_paper():
    paper = yaml.safe_load((ROOT/'CITATION.cff').read_text(encoding='utf-8'))['preferred-citation']
    assert paper['doi'] == '10.1016/j.patcog.2023.109430'
    assert [a['family-names'] for a in paper['authors']] == ['Bigolin Lanfredi', 'Schroeder', 'Tasdizen']
