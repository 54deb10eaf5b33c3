import sys
from pathlib import Path

# the stand-in populations are shared with the launchers' tests
sys.path.insert(0, str(Path(__file__).parent.parent / "launch"))
