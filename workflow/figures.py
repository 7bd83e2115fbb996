"""Every run of a profile, then its tables, figures and report: what `make figures` calls.

  python workflow/figures.py quick --cores all        further options go to Snakemake: --dry-run, --executor slurm, ...

What was done before stays, what was interrupted starts again (a training from its checkpoint).
"""
from lifeline import die_with_parent
import fcntl, os, sys
from pathlib import Path

if 'MAKELEVEL' in os.environ: die_with_parent()

SNAKEFILE = Path(__file__).parent/'Snakefile'
OPTIONS = '''--rerun-triggers mtime params input --rerun-incomplete --keep-going --scheduler greedy
             --nolock --quiet rules reason host'''.split()

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
    from snakemake.cli import main as snakemake
    snakemake(['--snakefile', str(SNAKEFILE), '--config', f'profile={profile}', *OPTIONS, *options])

if __name__ == '__main__': main(*sys.argv[1:])
