"""kill -9 in the middle of a training, and the same numbers in the end: the real notebooks on the tiny profile."""
import os, re, shutil, subprocess, sys, time
import pandas as pd, psutil
from conftest import ROOT

def start(folder, *options):
    env = {k: v for k, v in os.environ.items() if not k.startswith('MAKE')}
    return subprocess.Popen([sys.executable, ROOT/'workflow/figures.py', 'tiny', '--cores', '2', *options], cwd=folder, text=True, env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

def finish(process):
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output

def trained(folder): return next((folder/'runs/tiny/train/spheres/baseline').glob('*/0'))

def kill_in_training(folder):
    "Kill everything once the training has left a checkpoint; gives back the log it had written by then"
    process = start(folder, '--until', 'train_spheres_baseline_seed_0')
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

def results(folder): return folder/'results/tiny'
def numbers(folder): return pd.read_csv(results(folder)/'numbers.csv').drop(columns=['hardware', 'seconds'])

def test_a_killed_run_ends_with_the_same_numbers(tmp_path):
    log = kill_in_training(tmp_path)
    finish(start(tmp_path))
    log_resumed, model, killed = pd.read_csv(trained(tmp_path)/'log.csv'), (trained(tmp_path)/'model.safetensors').read_bytes(), numbers(tmp_path)
    pd.testing.assert_frame_equal(log_resumed.head(len(log)), log)   # the seconds, too: these steps were not made again
    assert 0 < len(log) < len(log_resumed)
    for folder in *(tmp_path/f'runs/tiny/{kind}' for kind in ('train', 'estimate', 'evaluate')), results(tmp_path): shutil.rmtree(folder)
    finish(start(tmp_path))                                          # all once more, in one go
    assert (trained(tmp_path)/'model.safetensors').read_bytes() == model
    pd.testing.assert_frame_equal(numbers(tmp_path), killed)
    assert len(killed) > 3
    report = (results(tmp_path)/'report.html').read_text(encoding='utf-8')
    linked = re.findall(r'href="([^"]+run\.ipynb)"', report)
    assert len(linked) == 3 and all((results(tmp_path)/l).exists() for l in linked)   # training, estimate, evaluation: executed, and found from the report
