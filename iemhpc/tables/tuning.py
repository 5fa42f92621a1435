"""Every training of a tuning, what it predicted, and how it got there."""

import pyarrow as pa

from iemhpc.tables.io import Column, Table

SPLITS = ("train", "validation", "test")
METRICS = ("mse", "rmse", "mae", "r2", "mape")

TRAINING_TABLE = Table(
    name="trainings",
    version=1,
    columns=(
        Column("training_id", pa.string(), "hash of level, configuration, fold and seeds"),
        Column("configuration_id", pa.string(), "the same without the fold"),
        Column("level", pa.string(), "what the model sees"),
        Column("hidden", pa.int64(), "width of the layers"),
        Column("batch_size", pa.int64(), "rows a step"),
        Column("learning_rate", pa.float64(), "of Adam"),
        Column("target", pa.string(), "gamma or ln_gamma"),
        Column("split_seed", pa.int64(), "seed of the test split and of the folds"),
        Column("init_seed", pa.int64(), "seed of the weights"),
        Column("batch_seed", pa.int64(), "seed of the batches"),
        Column("fold", pa.int64(), "validation fold, from 0"),
        Column("n_train", pa.int64(), "training rows"),
        Column("n_validation", pa.int64(), "validation rows"),
        Column("n_test", pa.int64(), "test rows"),
        Column("epochs", pa.int64(), "epochs run"),
        Column("best_epoch", pa.int64(), "epoch of the weights that were kept"),
        Column("best_validation_loss", pa.float64(), "mean squared error in the target"),
        Column("seconds", pa.float64(), "wall time of the training", "s"),
        *(
            Column(
                f"{metric}_{split}",
                pa.float64(),
                f"{metric} of gamma on the {split} rows",
                "percent" if metric == "mape" else "",
                True,
            )
            for split in SPLITS
            for metric in METRICS
        ),
    ),
)

PREDICTION_TABLE = Table(
    name="predictions",
    version=1,
    columns=(
        Column("training_id", pa.string(), "the training"),
        Column("row", pa.int64(), "row of the dataset, from 0"),
        Column("split", pa.string(), f"one of {SPLITS}"),
        Column("label", pa.float64(), "activity coefficient given"),
        Column("prediction", pa.float64(), "activity coefficient predicted"),
    ),
)

CURVE_TABLE = Table(
    name="curves",
    version=1,
    columns=(
        Column("training_id", pa.string(), "the training"),
        Column("epoch", pa.int64(), "epoch, from 1"),
        Column("train_loss", pa.float64(), "mean squared error over the epoch's batches"),
        Column("validation_loss", pa.float64(), "mean squared error after the epoch"),
    ),
)
