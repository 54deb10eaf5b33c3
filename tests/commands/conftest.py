import sys
from pathlib import Path

# the stand-in trainers stand beside the tests of launchers
sys.path.insert(0, str(Path(__file__).parent.parent / "launch"))
