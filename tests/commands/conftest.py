import sys
from pathlib import Path

# worker processes import the stand-in trainers by name
sys.path.insert(0, str(Path(__file__).parent.parent / "launch"))
