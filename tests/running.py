"""Runs notebooks, each in a process of its own that is forked with all imports done: these take five seconds and more, once instead of every time.

  python tests/running.py      a path per line of its input; for each a line of its output, a JSON string: what failed, or '' if nothing did

A process, not a function of the tests: PyTorch's backward pass does not work in a fork of a process that has run one.
"""
import atexit, io, json, os, re, signal, sys, tempfile, time, traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

LIMIT = 300 # seconds for a notebook

def evaluated(cell): return not re.search(r'^#\|\s*eval:\s*false', cell.source, re.MULTILINE)

def sources(path):
    import nbformat
    return [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == 'code' and evaluated(c)]

def execute(path):
    "What failed, as text; as in a kernel, figures are closed after each cell, and rich displays are made"
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib import pyplot
    from traitlets.config import Config
    shell = InteractiveShell.instance(config=Config(HistoryManager=dict(hist_file=':memory:')))
    for i, source in enumerate(sources(path)):
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()): result = shell.run_cell(source, store_history=True) # `In` is what `given` reads
        pyplot.close('all')
        if not result.success:
            error = result.error_before_exec or result.error_in_exec
            return f'code cell {i}:\n{source}\n\n' + ''.join(traceback.format_exception(error))
    return ''

def child(path, answer):
    "The life of a forked process"
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2): os.dup2(quiet, fd)
    os.chdir(path.parent)
    try: error = execute(path)
    except BaseException: error = traceback.format_exc()
    Path(answer).write_text(json.dumps(error), encoding='utf-8')
    atexit._run_exitfuncs() # temporary folders
    os._exit(0)

def forked(path):
    "`execute(path)` in a child; a sentence if that dies or takes too long"
    file, answer = tempfile.mkstemp() # no TemporaryDirectory: the child would remove it with its own
    end, pid = time.monotonic() + LIMIT, os.fork()
    if not pid: child(path, answer)
    os.close(file)
    try:
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.killpg(pid, signal.SIGKILL); os.waitpid(pid, 0)
                return f'not done after {LIMIT} s'
            time.sleep(.02)
        return json.loads(Path(answer).read_text(encoding='utf-8') or '"its process died"')
    finally: os.unlink(answer)

def preload():
    sys.modules.setdefault('rfc3987_syntax') # as in workflow/run_notebook.py
    import IPython, nbformat, foolbox, matplotlib.pyplot, scipy.stats # noqa: F401
    import gradalign.experiments.imagenet, gradalign.experiments.report, gradalign.training # noqa: F401

if __name__ == '__main__':
    preload()
    for line in sys.stdin: print(json.dumps(forked(Path(line.strip()))), flush=True)
