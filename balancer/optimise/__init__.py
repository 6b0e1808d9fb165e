"""AllocationProblem -> Plan: a pure, seeded function behind one door, ``solve``; and the referee that judges it."""
