# SPDX-License-Identifier: Apache-2.0
"""Against programs of others, which each test brings along; the instance is the journeys'."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'journey'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
