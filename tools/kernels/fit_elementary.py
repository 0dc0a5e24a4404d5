#!/usr/bin/env python3
"""Fits the coefficients of src/backends/cpu/elementary_impl.h and prints them; needs mpmath.

usage: fit_elementary.py

Least squares over Chebyshev points, whose weights grow where the error is large until it is the same all over
(Lawson, 1961); a quotient is linearised by the denominator of the round before (Sanathanan and Koerner, 1963).
"""
from mpmath import cos, erfc, exp, matrix, mp, mpf, pi, qr_solve, sqrt, tanh

mp.dps = 40


def fit(f, error_weight, first, last, numerator, denominator, points=160, rounds=60):
    """P of powers `numerator` and Q = 1 + powers `denominator`, so that P / Q is near f on [first, last], and the
    largest |P / Q - f| * error_weight. A power 0 in neither: P begins with 1 as well."""
    xs = [(first + last) / 2 + (last - first) / 2 * cos(pi * (2 * i + 1) / (2 * points)) for i in range(points)]
    fs, ws = [f(x) for x in xs], [error_weight(x) for x in xs]
    one = 0 if 0 in numerator else 1
    lawson, q, best = [mpf(1)] * points, [mpf(1)] * points, None
    for _ in range(rounds):
        rows, right = matrix(points, len(numerator) + len(denominator)), matrix(points, 1)
        for i, x in enumerate(xs):
            scale = sqrt(lawson[i]) * ws[i] / q[i]
            for column, power in enumerate(numerator):
                rows[i, column] = scale * x**power
            for column, power in enumerate(denominator):
                rows[i, len(numerator) + column] = -scale * fs[i] * x**power
            right[i] = scale * (fs[i] - one)
        c = qr_solve(rows, right)[0]
        p = [one + sum(c[j] * x**power for j, power in enumerate(numerator)) for x in xs]
        q = [1 + sum(c[len(numerator) + j] * x**power for j, power in enumerate(denominator)) for x in xs]
        errors = [abs(p[i] / q[i] - fs[i]) * ws[i] for i in range(points)]
        if best is None or max(errors) < best[0]:
            best = max(errors), [c[i] for i in range(len(c))]
        total = sum(w * e for w, e in zip(lawson, errors))
        lawson = [points * w * e / total for w, e in zip(lawson, errors)]
    error, c = best
    return c[:len(numerator)], c[len(numerator):], error


def show(name, f, *domain_and_powers):
    """Fits f with the same relative error all over."""
    p, q, error = fit(f, lambda x: 1 / f(x), *domain_and_powers)
    print(f"{name}, relative error {mp.nstr(error, 3)}")
    for part, coefficients in ("P", p), ("Q", q):
        print(f"  {part}, powers ascending:", ", ".join(mp.nstr(c, 10) for c in coefficients))


if __name__ == "__main__":
    # Of x^2, and times x: exact near 0 as both begin with 1. Beyond 9, tanh is 1 in f32.
    show("tanh(x) / x", lambda y: tanh(sqrt(y)) / sqrt(y), mpf(0), mpf(81), range(1, 5), range(1, 5))
    # Beyond 13.5 the tail is 0 in f32.
    show("0.5 erfc(x / sqrt(2)) exp(x^2 / 2)", lambda x: erfc(x / sqrt(2)) * exp(x * x / 2) / 2, mpf(0), mpf(13.5),
         range(0, 5), range(1, 6))
