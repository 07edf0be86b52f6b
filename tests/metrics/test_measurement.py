"""One number of `metrics.json`."""

from nets.metrics.measurement import Measurement


def test_a_value_that_is_no_number_is_a_hole():
    measurement = Measurement("psnr", float("inf"))
    assert measurement.value is None and "inf" in measurement.reason


def test_a_measurement_has_a_reason_only_without_a_value():
    content = Measurement("mse", 0.5, "train").to_json()
    assert list(content.items()) == [
        ("split", "train"),
        ("metric", "mse"),
        ("value", 0.5),
        ("direction", "lower"),
        ("passport", None),
    ]
    assert Measurement("fid_inception", None, reason="not here").to_json()["reason"] == "not here"
