"""docs/performance.md says what the files of results say, and nothing else."""

from __future__ import annotations

from load.page.__main__ import BEGIN, END, PAGE, filled, main, read_results


def test_the_page_is_what_the_results_say():
    assert main(["--check"]) == 0


def test_a_figure_that_nobody_measured_says_so():
    page = filled(f"before\n{BEGIN}\nstale figure\n{END}\nafter", {})

    assert page.startswith("before\n")
    assert page.endswith("\nafter")
    assert "stale figure" not in page
    assert "not measured yet" in page


def test_a_target_that_was_missed_is_called_missed():
    result = {"figures": {"p95Ms": 101.0, "p99Ms": 249.0}}

    page = filled(f"{BEGIN}{END}", {"load/sustained": result})

    assert "| 100 requests/s of the mix: p95 | ≤ 100 ms | 101 ms | **not met** |" in page
    assert "| … p99 | ≤ 250 ms | 249 ms | met |" in page


def test_every_file_of_results_is_kept_small_and_says_where_it_comes_from():
    for name, result in read_results().items():
        if name.startswith(("load/", "bench/")) and name != "bench/baseline":
            assert {"command", "commit", "machine", "measuredAt"} <= set(result), name
    for file in PAGE.parents[1].glob("load/results/*/*.json"):
        assert file.stat().st_size < 300_000, file
