"""Sphinx on the sources that docs/build.py lays out: notebooks as they are saved, never executed."""
import re
from fastcore.docments import docments

project, author, copyright = 'gradalign', 'The gradalign authors', 'The gradalign authors'
extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx-mathjax-offline']   # equations without a network, too
root_doc, language = 'index', 'en'
nb_execution_mode = 'off'
nb_merge_streams = True
myst_enable_extensions = ['dollarmath', 'amsmath']
myst_heading_anchors = 4
html_theme, html_title, html_copy_source, html_show_sourcelink = 'furo', 'gradalign', False, False
html_css_files = ['site.css']
autodoc_preserve_defaults, autodoc_member_order, default_role, smartquotes = True, 'bysource', 'code', False
suppress_warnings = ['mystnb.unknown_mime_type', 'misc.highlighting_failure']

def rst(text):
    "Prose with `code` in single backticks, as this project writes it, in reStructuredText"
    parts = re.split(r'(`[^`]+`)', text)
    return ''.join(f'`{p}`' if p.startswith('`') and len(p) > 2 else re.sub(r'([\\*_|`])', r'\\\1', p) for p in parts)

def described(app, what, name, obj, options, lines):
    "The docstring, then what the comments beside the parameters say"
    text = [] if what == 'data' else [rst(line) for line in lines]   # of a constant it would be its type's
    while text and not text[-1].strip(): text.pop()
    if callable(obj) and what != 'data':
        try: said = docments(obj, returns=True)
        except (TypeError, ValueError, OSError, SyntaxError): said = {}
        fields = {k: ' '.join(v.split()) for k, v in said.items() if v}
        text += [''] + [f':returns: {rst(v)}' if k == 'return' else f':param {rst(k)}: {rst(v)}' for k, v in fields.items()]
    lines[:] = text + ['']

def setup(app): app.connect('autodoc-process-docstring', described)
