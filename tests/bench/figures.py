"""The figures to reach: a pure function of the bench's result."""

import operator

# Name (with its unit), goal, and where the value is in the result: a path, or two and the first is divided by the second.
# A figure of several places is the worst of them.
AT_MOST, AT_LEAST = ("at most", operator.le, max), ("at least", operator.ge, min)
FIGURES = (
    ("ready_template_to_cold_ratio", AT_MOST, 0.10, [("starts.ready_s.template.median", "starts.ready_s.cold.median")]),
    ("version_template_s", AT_MOST, 1.5, ["starts.version_s.template.median"]),
    ("version_template_to_systemd_q35_ratio", AT_MOST, round(1 / 15, 4),
     [("starts.version_s.template.median", "systemd_q35.version_s.median")]),
    ("private_a_further_session_mib", AT_MOST, 60, ["memory.private_mib_a_further_session"]),
    ("pane_dense_to_tmux_ratio", AT_LEAST, 1.0, ["terminal.pane.dense.ratio"]),
    ("pane_yes_to_tmux_ratio", AT_LEAST, 1.0, ["terminal.pane.yes.ratio"]),
    ("key_added_alone_p99_ms", AT_MOST, 5, ["keys.alone.added.p99"]),
    ("key_added_3_flooding_p99_ms", AT_MOST, 16, ["keys.with_3_flooding.added.p99", "keys.with_3_shown.added.p99"]),
    ("git_status_cold_to_tmpfs_ratio", AT_MOST, 10, ["files.ratio_to_tmpfs.git_status_cold"]),
    ("git_status_warm_to_tmpfs_ratio", AT_MOST, 3, ["files.ratio_to_tmpfs.git_status_warm"]),
    ("edit_of_the_host_seen_p99_ms", AT_MOST, 50, ["files.edit_seen_ms.p99"]),
    ("idle_16_sessions_percent_of_a_core", AT_MOST, 1, ["idle.ccvm_percent"]),
    ("download_to_user_net_ratio", AT_LEAST, 0.9, ["egress.against_user_net.ratio_16000", "egress.against_user_net.ratio_16000_locked"]),
    ("scripted_right_outputs_of_50", AT_LEAST, 50, ["scripted.right"]),
    ("scripted_left_behind_count", AT_MOST, 0, ["scripted.left_behind_count"]),
)


def find(result, path):
    """The number at a path of names, or None."""
    for name in path.split("."):
        result = result.get(name) if isinstance(result, dict) else None
    return result if isinstance(result, (int, float)) else None


def value_of(result, place):
    values = [find(result, p) for p in ((place,) if isinstance(place, str) else place)]
    if None in values or len(values) == 2 and not values[1]:
        return None
    return values[0] if len(values) == 1 else round(values[0] / values[1], 4)


def figures(result):
    """{name: {"value", "goal", "met"}}; value and met are None where it was not measured."""
    table = {}
    for name, (words, holds, worst), goal, places in FIGURES:
        values = [value_of(result, p) for p in places]
        value = None if None in values else worst(values)
        table[name] = {"value": value, "goal": "%s %g" % (words, goal), "met": None if value is None else holds(value, goal)}
    return table
