"""The room where every model (coding, ranking, amounts) is tuned, fitted, calibrated, written, registered and loaded.

Nothing here knows what a model predicts: features, networks and figures belong to the stage that uses them. Heavy
libraries (torch, Lightning, MLflow, Optuna, scikit-learn, matplotlib) are imported inside the functions that need them.
"""
