"""README.md from nbs/index.ipynb: what `make readme` calls.

Code cells tagged `remove_input` leave only their output, and links, which the notebook writes from nbs/, start from the root.
"""
import re, sys
from pathlib import Path
import nbformat
from nbconvert import MarkdownExporter
from traitlets.config import Config

NBS = Path('nbs')

def readme(root):
    "The text of README.md; ValueError if a link leads nowhere"
    tags = Config({'TagRemovePreprocessor': dict(enabled=True, remove_input_tags={'remove_input'})})
    notebook = nbformat.read(root/NBS/'index.ipynb', as_version=4)
    notebook.metadata.language_info = {'name': 'python'}   # for the code fences
    text, _ = MarkdownExporter(config=tags).from_notebook_node(notebook)
    text = re.sub(r'\]\((?!https?:)([^)]+)\)', lambda m: f']({from_root(root, m[1])})', text)
    return re.sub(r'\n{3,}', '\n\n', text).strip() + '\n'

def from_root(root, link):
    target = (root/NBS/link).resolve()
    if not target.exists(): raise ValueError(f'nbs/index.ipynb links to {link}, which is not there')
    return target.relative_to(root.resolve()).as_posix()

if __name__ == '__main__': Path('README.md').write_text(readme(Path()), encoding='utf-8', newline='\n')
