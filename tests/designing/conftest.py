import sys
from pathlib import Path

# walks are trained by stand-in trainers
sys.path.insert(0, str(Path(__file__).parent.parent / "launch"))
