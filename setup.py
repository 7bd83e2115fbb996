"""Package metadata lives in settings.ini, the version included; this file hands it to setuptools."""
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=['='])
parser.read(here/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']
readme = here/'README.md'

minor = lambda version: int(version.split('.')[1])
first, last = minor(cfg['min_python']), minor(cfg['max_python'])

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], license=cfg['license'],
    author=cfg['author'], keywords=[k.strip() for k in cfg['keywords'].split(',')],
    classifiers=[f'Programming Language :: Python :: 3.{n}' for n in range(first, last+1)],
    python_requires=f'>=3.{first},<3.{last+1}',
    install_requires=cfg['requirements'].split(),
    extras_require={extra: cfg[f'{extra}_requirements'].split() for extra in ('dev', 'docs', 'slurm')},
    entry_points=dict(console_scripts=['gradalign = gradalign.report_card.command:main']),
    packages=find_packages(include=['gradalign', 'gradalign.*']), package_data={'': ['*.json']},
    long_description=readme.read_text(encoding='utf-8') if readme.exists() else cfg['description'],
    long_description_content_type='text/markdown', zip_safe=False,
)
