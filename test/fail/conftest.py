# SPDX-License-Identifier: Apache-2.0
"""The time limit of the journeys, for the tests of this folder."""
import importlib.util
import pathlib
import sys

JOURNEY = pathlib.Path(__file__).resolve().parents[1] / 'journey'
sys.path.insert(0, str(JOURNEY))
spec = importlib.util.spec_from_file_location('journeys', JOURNEY / 'conftest.py')
journeys = importlib.util.module_from_spec(spec)
spec.loader.exec_module(journeys)

limited, pytest_configure = journeys.limited, journeys.pytest_configure
