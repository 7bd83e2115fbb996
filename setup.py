"""Package metadata lives in settings.ini, the version included; this file hands it to setuptools."""
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

cfg = ConfigParser(delimiters=['='])
cfg.read(Path(__file__).parent / 'settings.ini', encoding='utf-8')
cfg = cfg['DEFAULT']

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], license='Apache-2.0',
    author=cfg['author'], keywords=cfg['keywords'], python_requires=f">={cfg['min_python']}",
    packages=find_packages(include=['gradalign', 'gradalign.*']), include_package_data=True,
    package_data={'gradalign': ['*.json']},
    install_requires=cfg['requirements'].split(), extras_require={'dev': cfg['dev_requirements'].split()},
    long_description=(Path(__file__).parent / 'README.md').read_text(encoding='utf-8') if (Path(__file__).parent / 'README.md').exists() else '',
    long_description_content_type='text/markdown', zip_safe=False,
)
