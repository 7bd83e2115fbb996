"""Every run of a profile, then its tables, figures and report: what `make figures` calls.

  python workflow/figures.py quick --cores all        further options go to Snakemake: --dry-run, --until, --resources gpu=1, ...
  python workflow/figures.py paper --profile workflow/profiles/slurm        the same jobs on a cluster; see the file there

What was done before stays, what was interrupted starts again (a training from its checkpoint). A run that fails stops no other that does
not need it; the report is then made of what there is, and names what is missing.
"""
from lifeline import die_with_parent
import fcntl, os, signal, sys
from pathlib import Path

if 'MAKELEVEL' in os.environ: die_with_parent()

SNAKEFILE = Path(__file__).parent/'Snakefile'
LOCAL = Path(__file__).parent/'profiles'/'local'

def hold_lock(profile):
    "One run of a profile at a time. The system takes this lock back when the process ends, unlike Snakemake's own"
    file = Path('runs')/profile/'.lock'
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = file.open('w')
    try: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError: sys.exit(f'another `make figures PROFILE={profile}` is at work in this folder')
    return lock

def main(profile, *options):
    from jobs import profile_file, read_profile
    try: read_profile(profile_file(profile))
    except ValueError as e: sys.exit(str(e))
    lock = hold_lock(profile)
    if hasattr(signal, 'SIGPIPE'): signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads the output has gone (`| head`): end, where Snakemake would wait for ever
    from snakemake.cli import main as snakemake
    where = [] if '--profile' in options else ['--profile', str(LOCAL)]
    snakemake(['--snakefile', str(SNAKEFILE), '--config', f'profile={profile}', *where, *options])

if __name__ == '__main__': main(*sys.argv[1:])
