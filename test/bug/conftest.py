# SPDX-License-Identifier: Apache-2.0
"""Bugs that need the whole system to be seen, one file each.

They use the fixtures of the journeys, on an instance of their own.
"""
import importlib.util
import pathlib
import sys

JOURNEY = pathlib.Path(__file__).resolve().parents[1] / 'journey'
sys.path.insert(0, str(JOURNEY))
spec = importlib.util.spec_from_file_location('journeys', JOURNEY / 'conftest.py')
journeys = importlib.util.module_from_spec(spec)
spec.loader.exec_module(journeys)

limited, shared, demo, own, user, two = (
    getattr(journeys, name) for name in ('limited', 'shared', 'demo', 'own', 'user', 'two'))
