#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the runs of tools/bench/run into one table on stdout and one JSON file.

usage: table.py RESULTS PROFILE OUTPUT
RESULTS holds one JSON object for each run, PROFILE one for each profiled path.
"""
import json
import platform
import statistics
import sys

FIELDS = [("rps", "req/s"), ("p50_us", "p50 us"), ("p99_us", "p99 us"), ("cpu_us", "CPU us/req")]


def lines(path):
    with open(path, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def quartiles(values):
    if len(values) == 1:
        return values * 3
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return [low, statistics.median(values), high]


def summarise(runs):
    """Per connection count and path, in the order of measuring: quartiles of each field, and the errors."""
    table = {}
    for run in runs:
        run["rps"] = run["requests"] / run["seconds"]
        table.setdefault(run["connections"], {}).setdefault(run["path"], []).append(run)
    return {
        count: {
            path: {
                "rounds": len(group),
                "errors": sum(run["errors"] for run in group),
                **{field: quartiles([run[field] for run in group]) for field, _ in FIELDS},
            }
            for path, group in paths.items()
        }
        for count, paths in table.items()
    }


def ratios(paths):
    """The comparisons that matter: of requests per second, and of CPU for each request."""
    proxies = [name for name in ("nginx", "haproxy") if name in paths]
    better = max(proxies, key=lambda name: paths[name]["rps"][1], default="")
    result = {}
    for name, against in [("graylink-base", "service"), ("graylink-gray", "service"), ("graylink-random", better)]:
        if name not in paths or against not in paths:
            continue
        result[f"{name} / {against}"] = {
            field: paths[name][field][1] / paths[against][field][1] for field, _ in FIELDS if paths[against][field][1]
        }
    return result


def cell(field, three):
    digits = 0 if field == "rps" else 1
    low, middle, high = (f"{value:,.{digits}f}" for value in three)
    return f"{middle} ({low} - {high})"


def print_table(table):
    for count, paths in table.items():
        print(f"\n{count} connection{'s' if count > 1 else ''}, median (quartiles)")
        print(f"{'path':<16}" + "".join(f"{title:>32}" for _, title in FIELDS) + f"{'errors':>8}")
        for path, row in paths.items():
            print(f"{path:<16}" + "".join(f"{cell(field, row[field]):>32}" for field, _ in FIELDS) + f"{row['errors']:>8}")
        for name, values in ratios(paths).items():
            print(f"  {name}: " + ", ".join(f"{title} x {values[field]:.2f}" for field, title in FIELDS if field in values))


def print_profile(profile):
    print("\ntime in the BPF programs (64 connections, kernel statistics on)")
    for path in profile:
        for program in path["programs"]:
            print(f"{path['path']:<16} {program['name']:<16} {program['runs_per_request']:5.2f} runs/request"
                  f" {program['ns_per_run']:8.0f} ns/run {program['us_per_request']:8.2f} us/request")


def main():
    table = summarise(lines(sys.argv[1]))
    profile = lines(sys.argv[2])
    print_table(table)
    print_profile(profile)
    with open(sys.argv[3], "w", encoding="ascii") as file:
        json.dump({
            "kernel": platform.release(),
            "connections": {str(count): {"paths": paths, "ratios": ratios(paths)} for count, paths in table.items()},
            "profile": profile,
        }, file, indent=1)
        file.write("\n")
    print(f"\nAll figures: {sys.argv[3]}")
    return 1 if any(row["errors"] for paths in table.values() for row in paths.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
