"""What a training would take, measured in a process of its own."""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from threading import Lock

from sakuga import SakugaError, studio
from sakuga.web.schemas import TrainingForecast

_measuring = Lock()


def forecast(settings: studio.TrainSettings) -> TrainingForecast:
    """Estimate a training, one at a time; raises SakugaError for what cannot be trained.

    A process of its own gives the memory of the model back when it ends, and its memory is that of a worker.
    """
    with _measuring, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            made = pool.submit(studio.forecast_training, settings).result()
        except BrokenProcessPool:
            raise SakugaError(
                "time and memory could not be measured, perhaps as the model does not fit into the memory that is free"
            ) from None
    return TrainingForecast(
        steps=made.steps,
        seconds=made.seconds,
        step_seconds=made.step_seconds,
        memory=made.memory,
        images=made.images,
        notes=list(made.notes),
    )
