# SPDX-License-Identifier: Apache-2.0
"""What the journeys share: an instance, bare wires to it, and the oracles."""
