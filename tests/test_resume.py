"""kill -9 in the middle of a training, and the same numbers in the end: the real notebooks on the tiny profile."""
import os, re, subprocess, sys, time
import pandas as pd, psutil
from conftest import ROOT

def start(folder):
    env = {k: v for k, v in os.environ.items() if not k.startswith('MAKE')}
    return subprocess.Popen([sys.executable, ROOT/'workflow/figures.py', 'tiny', '--cores', '2'], cwd=folder, text=True, env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

def finish(process):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output

def trained(folder): return next((folder/'runs/tiny/train/spheres/baseline').glob('*/0'))

def kill_in_training(folder):
    "Kill everything once the training has left a checkpoint; gives back the log it had written by then"
    process = start(folder)
    while not list((folder/'runs/tiny').glob('train/*/*/*/0/checkpoint.safetensors')):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(.02)
    others = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    psutil.wait_procs(others, timeout=10)
    assert not any(p.is_running() for p in others)
    assert not (trained(folder)/'record.json').exists(), 'the training was over before it was killed'
    return pd.read_csv(trained(folder)/'log.csv')

def numbers(folder): return pd.read_csv(folder/'results/tiny/numbers.csv').drop(columns=['hardware', 'seconds'])

def test_a_killed_run_ends_with_the_same_numbers(tmp_path):
    whole, killed = tmp_path/'whole', tmp_path/'killed'
    whole.mkdir(), killed.mkdir()
    log = kill_in_training(killed)
    finish(start(killed))
    finish(start(whole))
    resumed = pd.read_csv(trained(killed)/'log.csv')
    pd.testing.assert_frame_equal(resumed.head(len(log)), log)   # the seconds, too: these steps were not made again
    assert 0 < len(log) < len(resumed)
    assert (trained(killed)/'model.safetensors').read_bytes() == (trained(whole)/'model.safetensors').read_bytes()
    pd.testing.assert_frame_equal(numbers(killed), numbers(whole))
    assert len(numbers(whole)) > 3
    report = (whole/'results/tiny/report.html').read_text(encoding='utf-8')
    linked = re.findall(r'href="([^"]+run\.ipynb)"', report)
    assert len(linked) == 3 and all((whole/'results/tiny'/l).exists() for l in linked)   # training, estimate, evaluation: executed, and found from the report
