"""What radiology reporting is, whoever asks: studies, reporters, rosters, priorities, policy, problem and plan.

Standard library only; no input or output, no wall clock, no framework. Every value is frozen, built with keywords and
refuses to exist if it breaks its own rule, so whoever holds one need not check it again.
"""
