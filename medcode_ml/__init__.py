"""The medcode library: everything that reads, codes, ranks and bills. Nothing here knows Dagster."""
