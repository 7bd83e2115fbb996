"""Run one papermill notebook with the parameters given, and show what it prints, line by line.

  python workflow/run_notebook.py nbs/experiments/train.ipynb out.ipynb --given '{"dataset": "spheres"}'

Papermill only warns when no cell is tagged `parameters` or a name is misspelt, and runs the defaults: here both are errors.
The notebook is written as far as it came when it fails, and the kernel ends with this process.
What failed by its own parameters or code fails again: `--attempt 2` repeats the message, not the hours.
"""
from lifeline import die_with_parent
if __name__ == '__main__': die_with_parent()

import argparse, ast, csv, hashlib, json, shutil, socket, sys, tempfile, threading, time
from pathlib import Path

def code_cells(notebook):
    "The code cells of a notebook"
    return [c for c in json.loads(Path(notebook).read_text(encoding='utf-8'))['cells'] if c['cell_type'] == 'code']

def source(cell): return ''.join(cell['source'])

def code_hash(notebook):
    "Ten hex digits that change with the notebook's code, not with its prose or outputs"
    return hashlib.sha256(json.dumps([source(c) for c in code_cells(notebook)]).encode()).hexdigest()[:10]

def parameters(notebook):
    "Names and defaults in the cell tagged `parameters`; ValueError unless there is exactly one and it holds literals only"
    tagged = [c for c in code_cells(notebook) if 'parameters' in c['metadata'].get('tags', [])]
    if len(tagged) != 1: raise ValueError(f'{notebook} has {len(tagged)} cells tagged "parameters", it needs exactly one')
    found = {}
    for line in ast.parse(source(tagged[0])).body:
        try: found[(line.targets[0] if isinstance(line, ast.Assign) else line.target).id] = ast.literal_eval(line.value)
        except (AttributeError, ValueError):
            raise ValueError(f'{notebook}: its parameters cell may hold `name = literal` only, not `{ast.unparse(line)}`') from None
    return found

def check(notebook, given):
    "ValueError if the notebook does not know one of the names given"
    known = parameters(notebook)
    unknown = [name for name in given if name not in known]
    if unknown: raise ValueError(f'{notebook} has no parameter {", ".join(unknown)}; it has: {", ".join(known)}')

def say(title, text):
    "One line on the terminal, in one piece although others write there too"
    sys.stdout.write(f'[{title}] {text}\n')
    sys.stdout.flush()

class Lines:
    "A file that prints what is written to it once a line is complete, each line headed by the job's title"
    def __init__(self, title): self.title, self.rest = title, ''
    def write(self, text):
        *lines, self.rest = (self.rest + text).split('\n')
        for line in lines: say(self.title, line.split('\r')[-1])
    def flush(self): pass

def last_row(log):
    "The newest row of a `log.csv` as text, None if there is none yet"
    try: head, *_, row = csv.reader(log.read_text().splitlines())
    except (OSError, ValueError): return None
    return ', '.join(f'{name} {float(value):.4g}' for name, value in zip(head, row) if value)

def follow(log, title, every=2):
    "Say each row that a training adds to its log, from a thread"
    def watch():
        said = last_row(log)
        while True:
            time.sleep(every)
            row = last_row(log)
            if row and row != said: say(title, said := row)
    threading.Thread(target=watch, daemon=True).start()

def sockets(place):
    """Where kernel and client meet, as options of a kernel manager: sockets in the folder `place`. Ports, Jupyter's default, are chosen first and taken later;
    of two kernels that start together one may find its port gone, and its client then waits for a minute in vain. Ports it is where the path is too long"""
    fits = hasattr(socket, 'AF_UNIX') and len(bytes(Path(place)/'k-00000')) <= 100
    return dict(connection_file=str(Path(place)/'k.json'), **(dict(transport='ipc', ip=str(Path(place)/'k')) if fits else {}))

def run(notebook, executed, given, title):
    "Execute `notebook` into `executed`; the error of the notebook is raised"
    check(notebook, given)
    follow(executed.parent/'log.csv', title)
    sys.modules.setdefault('rfc3987_syntax')   # None: not there. jsonschema would build a grammar of web addresses with it, for seconds; no notebook needs it
    import papermill
    from jupyter_client.manager import AsyncKernelManager
    Path(executed).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='kernel-', ignore_cleanup_errors=True) as place:
        class Kernel(AsyncKernelManager):
            "This interpreter, whatever a kernel specification of the same name says, ending with this process"
            def __init__(self, **options): super().__init__(**options, **sockets(place))
            def format_kernel_cmd(self, extra_arguments=None):
                return [sys.executable, __file__, '--kernel', '-f', self.connection_file, *(extra_arguments or [])]
        papermill.execute_notebook(str(notebook), str(executed), given, kernel_name='python3', language='python', progress_bar=False,
                                   kernel_manager_class=Kernel, stdout_file=Lines(title), stderr_file=Lines(title))

# Errors that another attempt may not meet: a full disk, memory, a GPU, a kernel that was killed. Everything else lies in the run itself.
PASSING = {'DeadKernelError', 'MemoryError', 'OSError', 'OutOfMemoryError', 'AcceleratorError', 'RuntimeError', 'ConnectionError', 'TimeoutError', 'BlockingIOError',
           'ConnectionResetError', 'ConnectionRefusedError', 'BrokenPipeError', 'InterruptedError', 'CellTimeoutError', 'SafetensorError', 'ArrowException'}

def failed_before(executed, attempt):
    "What a lasting failure of an earlier attempt said, else None; the first attempt starts anew. Its notebook, which Snakemake empties, comes back"
    note, kept = executed.parent/'failed.txt', executed.parent/'failed.ipynb'
    try:
        if attempt == 1: note.unlink(missing_ok=True), kept.unlink(missing_ok=True)
        if not note.exists(): return None
        if kept.exists(): shutil.copyfile(kept, executed)
        return note.read_text(encoding='utf-8') or None
    except OSError: return None

def remember(executed, name, text):
    "Keep a lasting failure for the attempts to come, if there is room for it"
    if name in PASSING: return
    try:
        if executed.exists(): shutil.copyfile(executed, executed.parent/'failed.ipynb')
        (executed.parent/'failed.txt').write_text(text, encoding='utf-8')
    except OSError: pass

def kernel():
    "What ipykernel's launcher does, in a process with a lifeline"
    sys.argv.remove('--kernel')
    if sys.path[0] == str(Path(__file__).parent): sys.path[0] = ''
    import logging, warnings
    logging.getLogger('IPKernelApp').addFilter(lambda r: not r.getMessage().startswith('KeyboardInterrupt caught'))   # how a client ends a kernel that is done
    warnings.filterwarnings('ignore', '`torch.jit', FutureWarning)   # fastai meets a newer torch: nothing a reader can do about it
    from ipykernel.kernelapp import launch_new_instance
    launch_new_instance(argv=[*sys.argv[1:], '--log-level=ERROR'])

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('notebook', type=Path)
    parser.add_argument('executed', type=Path)
    parser.add_argument('--given', type=json.loads, default={}, help='parameters, a JSON object')
    parser.add_argument('--title', default='', help='stands before each line printed')
    parser.add_argument('--attempt', type=int, default=1, help='2 and more: only if the failure before may have passed')
    args = parser.parse_args()
    title, start = args.title or args.notebook.stem, time.time()
    if said := failed_before(args.executed, args.attempt): sys.exit(f'[{title}] not tried again: {said}')
    say(title, 'starts' if args.attempt == 1 else f'starts, attempt {args.attempt}')
    try: run(args.notebook, args.executed, args.given, title)
    except Exception as e:
        error = getattr(e, 'ename', type(e).__name__), getattr(e, 'evalue', str(e))
        where = f' (in {args.executed})' if args.executed.exists() else ''
        remember(args.executed, error[0], f'{": ".join(error)}{where}')
        sys.exit(f'[{title}] failed: {": ".join(error)}{where}')
    say(title, f'done in {time.time() - start:.0f} s')

if __name__ == '__main__': kernel() if '--kernel' in sys.argv else main()
