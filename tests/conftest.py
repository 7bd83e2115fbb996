"""Two workers, one thread each, no network: what the tests may use."""
import os, sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT/'workflow'))

os.environ.update(OMP_NUM_THREADS='1', MPLBACKEND='agg')
# a proxy that is not there: a download ends in an error, at once
os.environ.update({name: 'http://127.0.0.1:9' for name in ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY')})
