"""The contract: one file of plain check functions per kind, and ``common`` for every kind.

What several kinds promise is written once, in ``shared``; ``SHARED`` of a kind's file names what of
it the kind promises too. Such a file says what a component is handed, and what comes of it:

- ``given(sample)``: everything that it is handed, made anew by each call.
- ``make(sample, given)``: what comes of that, as arrays, plain values, and dataclasses, lists or
  mappings of these; where a fitted object answers for rows, a list of ``shared.Case``.

Where the unit does not matter, ``given(sample, factor)`` has the target in another one, for each of
``UNITS``, and ``POWERS`` says with which power of the factor each part of an answer goes. Where
jobs change nothing, ``make(sample, given, n_jobs=2)`` fits with so many.
"""
