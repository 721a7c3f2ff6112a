"""Fitting, tracking and tuning: resumable, recorded, seeded; real Lightning, MLflow and Optuna on tiny problems."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from medcode_ml.models.tracking import Run, TrackingError, tracked_run
from medcode_ml.models.tuning import Choice, Real, Report, TuningError, Whole, space_facts, tune

ROOT = Path(__file__).resolve().parents[3]
#: a tiny network with dropout and a shuffled loader: the two things a resumed fitting could get wrong
TINY = textwrap.dedent(
    """
    import os, signal, sys, warnings
    from pathlib import Path
    import pytorch_lightning as pl
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    # a shell that starts the tests in the background has the signal ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from medcode_ml.models.fitting import Plan, fit

    class Tiny(pl.LightningModule):
        def __init__(self, rate=0.05, width=4, stop=None, how=None):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(width, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))
            self.rate, self.stop, self.how = rate, stop, how
        def training_step(self, batch, index):
            if self.how and (self.current_epoch, index) == self.stop:
                os.kill(os.getpid(), self.how)
            loss = torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])
            self.log("train_loss", loss, on_step=False, on_epoch=True)
            return loss
        def validation_step(self, batch, index):
            self.log("loss", torch.nn.functional.mse_loss(self.net(batch[0]), batch[1]))
        def configure_optimizers(self):
            made = torch.optim.AdamW(self.parameters(), self.rate)
            return {"optimizer": made, "lr_scheduler": torch.optim.lr_scheduler.StepLR(made, 2)}

    def problem():
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(48, 4, generator=generator)
        rows = TensorDataset(x, x[:, :1] * 2 - x[:, 1:2])
        return DataLoader(rows, 8, shuffle=True), DataLoader(rows, 48)
    """
)


@pytest.fixture(scope="module")
def tiny() -> dict[str, Any]:
    made: dict[str, Any] = {"__name__": "tiny"}
    exec(TINY, made)
    return made


def _network(tiny: dict[str, Any], **more: Any) -> Any:
    import torch

    torch.manual_seed(1)
    return tiny["Tiny"](**more)


def _same(one: Any, other: Any) -> bool:
    import torch

    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_stopped_fitting_goes_on_and_ends_as_an_uninterrupted_one(tiny: dict[str, Any], tmp_path: Path) -> None:
    """Interrupted in the middle of the third epoch, killed in the middle of the fourth, then left to finish."""
    from medcode_ml.models.fitting import Plan, fit

    script = TINY + textwrap.dedent(
        f"""
        for stop, how in (((2, 3), signal.SIGINT), ((3, 2), signal.SIGKILL)):
            torch.manual_seed(1)
            try:
                fit(Tiny(stop=stop, how=how), *problem(), plan=Plan(5, seed=3), folder=Path({str(tmp_path)!r}), key="k")
            except KeyboardInterrupt:
                print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.strip() == "interrupted True"
    assert done.stderr.strip() == "", "no tips, no advice, no warnings"
    resumed, whole = _network(tiny), _network(tiny)
    went = fit(resumed, *tiny["problem"](), plan=Plan(5, seed=3), folder=tmp_path, key="k")
    fit(whole, *tiny["problem"](), plan=Plan(5, seed=3))
    assert went.resumed_at == 3
    assert went.epochs == len(went.history) == 5
    assert _same(resumed, whole)
    # one call more finds it finished and only loads the weights
    again = _network(tiny)
    assert fit(again, [], plan=Plan(5, seed=3), folder=tmp_path, key="k").history == went.history
    assert _same(again, whole)


@pytest.mark.parametrize("place", ["sampler", "batch_sampler"])
def test_a_sampler_with_its_own_order_is_told_the_epoch_it_resumes_at(
    tiny: dict[str, Any], tmp_path: Path, place: str
) -> None:
    """A sampler that settles its order as soon as it is asked would begin again with the first epoch's."""
    import torch
    from torch.utils.data import DataLoader, Sampler

    from medcode_ml.models.fitting import Plan, fit

    orders: list[list[int]] = []

    class Own(Sampler[Any]):
        epoch = 0

        def set_epoch(self, epoch: int) -> None:
            self.epoch = epoch

        def __iter__(self) -> Any:
            order = torch.randperm(48, generator=torch.Generator().manual_seed(self.epoch)).tolist()
            orders.append(order)
            return iter(torch.tensor(order).view(6, 8).tolist() if place == "batch_sampler" else order)

        def __len__(self) -> int:
            return 6 if place == "batch_sampler" else 48

    def loader() -> Any:
        rows = tiny["problem"]()[0].dataset
        return DataLoader(rows, **({"batch_sampler": Own()} if place == "batch_sampler" else {"sampler": Own()}))

    class Stops(tiny["Tiny"]):  # type: ignore[misc]
        def training_step(self, batch: Any, index: int) -> Any:
            if (self.current_epoch, index) == self.stop:
                raise RuntimeError("pulled out")
            return super().training_step(batch, index)

    torch.manual_seed(1)
    stopped = Stops(stop=(2, 1))
    with pytest.raises(RuntimeError, match="pulled out"):
        fit(stopped, loader(), plan=Plan(4), folder=tmp_path, key="k")
    first = orders[:]
    orders.clear()
    resumed, whole = _network(tiny), _network(tiny)
    fit(resumed, loader(), plan=Plan(4), folder=tmp_path, key="k")
    assert orders[0] == first[2]
    fit(whole, loader(), plan=Plan(4))
    assert _same(resumed, whole)


def test_the_best_epoch_is_taken_and_fitting_stops_early(tiny: dict[str, Any], tmp_path: Path) -> None:
    from medcode_ml.models.fitting import Plan, fit

    network = _network(tiny, rate=0.5)
    train, valid = tiny["problem"]()
    went = fit(network, train, valid, plan=Plan(60, monitor="loss", mode="min", patience=3))
    losses = [epoch["loss"] for epoch in went.history]
    assert went.epochs < 60
    assert went.best == pytest.approx(min(losses))
    assert not network.training
    import torch

    for x, y in valid:
        assert float(torch.nn.functional.mse_loss(network.net(x), y).detach()) == pytest.approx(went.best, abs=1e-5)


def test_a_time_limit_ends_after_an_epoch(tiny: dict[str, Any]) -> None:
    from medcode_ml.models.fitting import Plan, fit

    assert fit(_network(tiny), *tiny["problem"](), plan=Plan(100_000, max_seconds=0.2)).epochs < 1000


def test_fast_dev_run_keeps_nothing(tiny: dict[str, Any], tmp_path: Path) -> None:
    from medcode_ml.models.fitting import Plan, fit

    went = fit(_network(tiny), *tiny["problem"](), plan=Plan(9), folder=tmp_path, key="k", fast_dev_run=True)
    assert went.epochs == 1
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_loss_that_is_no_number_stops_with_advice(tiny: dict[str, Any]) -> None:
    from medcode_ml.models.fitting import FitError, Plan, fit

    with pytest.raises(FitError, match="lower learning rate"):
        fit(_network(tiny, rate=1e30), *tiny["problem"](), plan=Plan(9, gradient_clip=None))


def test_wrong_monitor_broken_checkpoint_and_other_network_are_said(tiny: dict[str, Any], tmp_path: Path) -> None:
    from medcode_ml.models.fitting import FitError, Plan, fit

    with pytest.raises(FitError, match="f1"):
        fit(_network(tiny), *tiny["problem"](), plan=Plan(2, monitor="f1"))
    with pytest.raises(FitError, match="needs the key"):
        fit(_network(tiny), *tiny["problem"](), plan=Plan(2), folder=tmp_path)
    fit(_network(tiny), *tiny["problem"](), plan=Plan(1), folder=tmp_path, key="k")
    with pytest.raises(FitError, match="another network"):
        fit(_network(tiny, width=5), *tiny["problem"](), plan=Plan(1), folder=tmp_path, key="k")
    (tmp_path / "k" / "last.ckpt").write_bytes(b"broken")
    (tmp_path / "k" / "finished.json").unlink()
    with pytest.raises(FitError, match="to begin anew"):
        fit(_network(tiny), *tiny["problem"](), plan=Plan(1), folder=tmp_path, key="k")


def _told(home: Path, run: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{home / 'mlruns' / 'mlflow.db'}").get_run(run)


def test_a_run_is_recorded_with_its_figures_pictures_and_model(tiny: dict[str, Any], tmp_path: Path) -> None:
    from medcode_ml.models.fitting import Plan, fit

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "manifest.json").write_text("{}")
    (tmp_path / "p.png").write_bytes(b"png")
    with tracked_run("coding", {"network": {"layers": 2}, "long": "x" * 9000}, tmp_path) as run:
        fit(_network(tiny), *tiny["problem"](), plan=Plan(3), run=run)
        run.metric("micro_f1 @ 10+", 0.5)
        run.fact("version", "v1")
        run.picture(tmp_path / "p.png")
        run.folder(tmp_path / "model")
    held = _told(tmp_path, run.id)
    assert held.info.status == "FINISHED"
    assert held.data.params["network.layers"] == "2"
    assert held.data.metrics["micro_f1 _ 10_"] == 0.5
    assert "train_loss" in held.data.metrics
    assert len(run.client.get_metric_history(run.id, "loss")) == 3
    assert sorted(a.path for a in run.client.list_artifacts(run.id)) == ["model", "parameters.json", "pictures"]
    # who ran it and where is nobody's business
    told = {**held.data.tags, "user": held.info.user_id}
    assert not any(word in str(told.values()) for word in (str(Path.home()), str(tmp_path), socket.gethostname()))
    assert logging.getLogger("mlflow").level == logging.WARNING


def test_a_failed_run_says_so_and_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    kept = tmp_path / "checkpoints"
    ids = []
    for wrong in (KeyboardInterrupt, ValueError):
        with pytest.raises(wrong), tracked_run("coding", {"a": 1}, tmp_path, resume_in=kept) as run:
            run.metric("loss", 1.0, len(ids))
            ids.append(run.id)
            raise wrong
        assert _told(tmp_path, run.id).info.status == ("KILLED" if wrong is KeyboardInterrupt else "FAILED")
    with tracked_run("coding", {"a": 1}, tmp_path, resume_in=kept) as run:
        assert isinstance(run, Run)
        assert _told(tmp_path, run.id).info.status == "RUNNING"
    assert {*ids, run.id} == {run.id}
    assert len(run.client.get_metric_history(run.id, "loss")) == 2
    # finished: the same folder begins a run of its own
    with tracked_run("coding", {"a": 1}, tmp_path, resume_in=kept) as other:
        assert other.id != run.id


def test_a_server_that_is_not_there_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with (
        pytest.raises(TrackingError, match="MEDCODE_MLFLOW_URL"),
        tracked_run("coding", {}, tmp_path, url="http://127.0.0.1:9"),
    ):
        pass


SPACE = {"x": Real(-3, 3), "n": Whole(1, 4), "kind": Choice(("a", "b"))}


def _hill(parameters: dict[str, Any], report: Report) -> float:
    return -((parameters["x"] - 1) ** 2) - abs(parameters["n"] - 2) + (parameters["kind"] == "b")


def test_tuning_finds_the_hill_resumes_and_repeats(tmp_path: Path) -> None:
    tried: list[dict[str, Any]] = []

    def counted(parameters: dict[str, Any], report: Report) -> float:
        tried.append(parameters)
        return _hill(parameters, report)

    start = {"x": 0.0, "n": 1, "kind": "a"}
    first = tune(counted, SPACE, 10, tmp_path / "t.db", key="d", start=start)
    assert tried[0] == start
    more = tune(counted, SPACE, 30, tmp_path / "t.db", key="d", start=start)
    assert len(tried) == more.complete == 30
    assert len({t["x"] for t in tried}) == 30, "a resumed search tries nothing twice"
    assert more.value >= first.value
    assert more.value > 0.5
    assert _hill(more.parameters, lambda value, step: None) == pytest.approx(more.value)
    again = tune(_hill, SPACE, 10, tmp_path / "other.db", key="d", start=start)
    assert again == first
    assert tune(_hill, SPACE, 1, tmp_path / "t.db", key="other data").complete == 1
    assert space_facts(SPACE)["x"] == {"low": -3, "high": 3, "log": False}


def test_failed_and_pruned_trials_are_counted_and_a_fault_ends_the_search(tmp_path: Path) -> None:
    calls = []

    def sometimes(parameters: dict[str, Any], report: Report) -> float:
        calls.append(parameters)
        if len(calls) % 5 == 2:
            raise ValueError("of no consequence")
        for step in range(4):
            report(_hill(parameters, report), step)
        return _hill(parameters, report)

    went = tune(sometimes, SPACE, 20, tmp_path / "t.db", key="d")
    assert went.failed >= 3
    assert went.pruned >= 1
    calls.clear()

    def never(parameters: dict[str, Any], report: Report) -> float:
        calls.append(parameters)
        raise ValueError("no such column")

    with pytest.raises(TuningError, match="no such column"):
        tune(never, SPACE, 50, tmp_path / "n.db", key="d")
    assert len(calls) == 3
    with pytest.raises(TuningError, match="nothing to tune"):
        tune(never, {}, 5, tmp_path / "n.db", key="d")


def test_an_interrupted_search_is_taken_up(tmp_path: Path) -> None:
    def interrupted(parameters: dict[str, Any], report: Report) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(interrupted, SPACE, 5, tmp_path / "t.db", key="d")
    assert tune(_hill, SPACE, 5, tmp_path / "t.db", key="d").complete == 5


def test_wall_5_the_room_imports_nothing_heavy() -> None:
    names = [p.stem for p in (ROOT / "medcode_ml" / "models").glob("*.py") if p.stem not in ("__init__", "epochs")]
    script = (
        f"import sys\nfor n in {names!r}: __import__('medcode_ml.models.' + n)\n"
        "print(sorted(m for m in ('torch', 'pytorch_lightning', 'mlflow', 'optuna', 'sklearn', 'matplotlib',"
        " 'lightgbm', 'scipy', 'safetensors') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
