"""The site from the notebooks: what `make docs` calls.  python docs/build.py  writes _site/ and says where to open it.

The notebooks are shown with the outputs they hold; nothing is executed. Their order is that of the reading list in nbs/index.ipynb, the
library's pages come from its docstrings, and a link that leads nowhere is an error.
"""
import json, os, re, shutil, sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
NBS, HOWTO = ROOT/'nbs', ROOT/'nbs/howto'
LINK = re.compile(r'(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!\w+:)([^()\s#]+)(#[^()\s]*)?\)')
ROOMS = {'paper': 'The paper, table by table', '': 'Further', 'data': 'Data sets', 'attacks': 'Attacks', 'estimators': 'Estimators', 'measures': 'Other measures', 'report_card': 'The report card',
         'experiments': 'Experiments', 'parity': 'Comparisons', 'benchmarks': 'Benchmarks'}

# what there is, and in which order

def cells(path): return json.loads(Path(path).read_text(encoding='utf-8'))['cells']
def source(cell): return ''.join(cell['source'])
def prose(path): return [source(c) for c in cells(path) if c['cell_type'] == 'markdown']
def title(path): return next(line[2:].strip() for text in prose(path) for line in text.splitlines() if line.startswith('# '))
def docname(path): return path.relative_to(NBS).with_suffix('').as_posix()

def notebooks():
    "Every notebook, sorted"
    return sorted(p for p in NBS.rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)

def links(path):
    "`(text, target)` of every relative link in the prose of a notebook"
    return [(m[2], m[3]) for text in prose(path) for m in LINK.finditer(re.sub(r'```.*?```|`[^`]*`', '', text, flags=re.DOTALL))]

def reading():
    "The notebooks that the reading list of nbs/index.ipynb names, in its order"
    text, = [p for t in prose(NBS/'index.ipynb') for p in t.split('\n\n') if p.startswith('**Read.**')]
    return list(dict.fromkeys(docname((NBS/m[3]).resolve()) for m in LINK.finditer(text)))

def modules():
    "`{name of a module: its notebook}` for each module that a notebook exports"
    found = {}
    for path in sorted((ROOT/'gradalign').rglob('*.py')):
        if m := re.search(r'File to edit: (\S+\.ipynb)', path.read_text(encoding='utf-8')):
            found['.'.join(path.relative_to(ROOT).with_suffix('').parts)] = (path.parent/m[1]).resolve()
    return found

def navigation():
    "`{heading: pages}` of the whole site: the reading list, the how-tos, all other notebooks by their folder, the library"
    first, howtos = reading(), [docname(p) for p in sorted(HOWTO.glob('*.ipynb'))]
    out = {'Read in this order': first, 'How to': howtos}
    rest = [n for n in map(docname, notebooks()) if n not in ('index', *first, *howtos)]
    for room, heading in ROOMS.items():
        if pages := [n for n in rest if n.rpartition('/')[0] == room]: out[heading] = pages
    return out | {'Library': ['api/index']}

# the sources as Sphinx reads them

def directives(cell): return {m[1]: m[2].strip() for m in re.finditer(r'^#\|\s*(\w+):?\s*(.*)$', source(cell), re.MULTILINE)}

def prepared(path, files):
    "The notebook without its machinery: nbdev's directives are obeyed and removed; links out of nbs/ lead to copies in `files`"
    notebook, kept = json.loads(path.read_text(encoding='utf-8')), []
    for cell in notebook['cells']:
        said = directives(cell) if cell['cell_type'] == 'code' else {}
        if 'hide' in said or 'default_exp' in said: continue
        if said.get('echo') == 'false': cell['metadata']['tags'] = [*cell['metadata'].get('tags', []), 'remove-input']
        cell['metadata']['tags'] = [t.replace('remove_input', 'remove-input') for t in cell['metadata'].get('tags', [])]
        text = re.sub(r'^#\|.*\n?', '', source(cell), flags=re.MULTILINE).lstrip('\n') if said else source(cell)
        cell['source'] = LINK.sub(lambda m: led(m, path, files), text) if cell['cell_type'] == 'markdown' else text
        for data in [o['data'] for o in cell.get('outputs', []) if 'data' in o]:       # outputs are no sources: their links are made here
            for kind in {'text/html', 'text/markdown'} & data.keys():
                data[kind] = re.sub(r'((?:href="|\]\()(?!\w+:)[^")\s]+)\.ipynb', r'\1.html', ''.join(data[kind]))
        kept.append(cell)
    return json.dumps(notebook | dict(cells=kept), ensure_ascii=False)

def on_site(report):
    "A report of results/ as a page of the site: its links to notebooks lead to their pages, those to runs, which stay where they were made, are text"
    report = re.sub(r'<a href="\.\./\.\./runs/[^"]*">(.*?)</a>', r'\1', report)
    return re.sub(r'href="\.\./\.\./nbs/([^"]*)\.ipynb"', r'href="../../\1.html"', report)

def led(match, path, files):
    "A link as the site needs it; one that leaves nbs/ takes its target along"
    image, text, target, part = match.groups()
    there = (path.parent/target).resolve()
    if not there.exists(): raise ValueError(f'{path.relative_to(ROOT)} links to {target}, which is not there')
    if there.is_relative_to(NBS): return match[0]
    copy = files/there.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if there.is_dir(): raise ValueError(f'{path.relative_to(ROOT)} links to the folder {target}: link to a file in it')
    if copy.suffix in ('.yaml', '.py', '.smk', ''): copy = copy.with_name(copy.name + '.txt')   # browsers show text, and save what they do not know
    if copy.suffix == '.html': copy.write_text(on_site(there.read_text(encoding='utf-8')), encoding='utf-8')
    else: shutil.copyfile(there, copy)
    href = os.path.relpath(copy.relative_to(files), path.relative_to(NBS).parent)
    return f'<img src="{href}" alt="{text}">' if image else f'<a href="{href}">{text}</a>'

def api_page(name, notebook):
    "The page of one module: its docstring, then each public name with its signature"
    import importlib, inspect
    module = importlib.import_module(name)
    said = LINK.sub(lambda m: f'[{m[2]}]({os.path.relpath((notebook.parent/m[3]).resolve(), NBS/"api")})', module.__doc__ or '')
    parts = [f'# {name}', said, f'Explained, shown and tested in [{title(notebook)}]({os.path.relpath(notebook, NBS/"api")}).']
    for own in module.__all__:
        o = getattr(module, own)
        kind = 'autoclass' if inspect.isclass(o) else 'autofunction' if inspect.isroutine(o) else 'autodata'
        parts.append(f'```{{eval-rst}}\n.. {kind}:: {name}.{own}\n' + ('   :members:\n' if kind == 'autoclass' else '') + '```')
    return '\n\n'.join(parts) + '\n'

def toctree(pages, heading=None):
    return '```{toctree}\n:hidden:\n' + (f':caption: {heading}\n' if heading else '') + '\n' + '\n'.join(pages) + '\n```\n'

def lay_out(src):
    "Everything Sphinx reads, in the folder `src`"
    shutil.rmtree(src, ignore_errors=True)
    files = src/'files'
    for folder in files, src/'static', src/'api': folder.mkdir(parents=True)
    shutil.copy(ROOT/'docs/site.css', src/'static')
    for path in notebooks():
        (src/docname(path)).parent.mkdir(parents=True, exist_ok=True)
        (src/docname(path)).with_suffix('.ipynb').write_text(prepared(path, files), encoding='utf-8')
    home = json.loads((src/'index.ipynb').read_text(encoding='utf-8'))
    contents = '\n'.join(toctree(pages, heading) for heading, pages in navigation().items())
    home['cells'].append(dict(cell_type='markdown', id='contents', metadata={}, source=contents))
    (src/'index.ipynb').write_text(json.dumps(home, ensure_ascii=False), encoding='utf-8')
    made = modules()
    for name, notebook in made.items(): (src/f'api/{name}.md').write_text(api_page(name, notebook), encoding='utf-8')
    listed = '\n'.join(f'- [{name}]({name}.md): {title(notebook)}' for name, notebook in made.items())
    (src/'api/index.md').write_text(f'# The library, module by module\n\n{listed}\n\n{toctree(made)}', encoding='utf-8')

# the site as a browser reads it

class Page(HTMLParser):
    "The links and the anchors of one page"
    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding='utf-8'))
    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[k] for k in ('href', 'src') if attrs.get(k)]
        self.anchors |= {attrs[k] for k in ('id', 'name') if attrs.get(k)}

def dead_links(site):
    "`(page, link)` of every link of the site that leads to no file, or to no anchor of one"
    pages = {p.resolve(): Page(p) for p in sorted(Path(site).rglob('*.html'))}
    def dead(page, link):
        to = urlsplit(link)
        if to.scheme or to.netloc: return False
        there = (page.parent/unquote(to.path)).resolve() if to.path else page
        there = there/'index.html' if there.is_dir() else there
        return not there.exists() or bool(to.fragment and there in pages and unquote(to.fragment) not in pages[there].anchors | {'top'})
    return [(p.relative_to(Path(site).resolve()).as_posix(), link) for p, page in pages.items() for link in page.links if dead(p, link)]

def main(site=ROOT/'_site', work=ROOT/'_docs'):
    import warnings
    from sphinx.cmd.build import main as sphinx
    warnings.filterwarnings('ignore', '`torch.jit', FutureWarning)
    lay_out(work/'source')
    shutil.rmtree(site, ignore_errors=True)
    folders = [f'-Dhtml_extra_path={work}/source/files', f'-Dhtml_static_path={work}/source/static']
    if status := sphinx(['-q', '-W', '--keep-going', '-c', f'{ROOT}/docs', '-d', f'{work}/doctrees', *folders, f'{work}/source', str(site)]): sys.exit(status)
    if dead := dead_links(site): sys.exit('dead links:\n' + '\n'.join(f'  {page}: {link}' for page, link in dead))
    print(f'{len(list(site.rglob("*.html")))} pages, no dead link. Open {(site/"index.html").as_uri()}')

if __name__ == '__main__': main()
