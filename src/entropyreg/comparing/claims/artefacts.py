"""The artefacts whose collected tables the ledger reads (light: the Snakefile imports it)."""

READ = (
    "a_figure_entropy_bleu",
    "a_figure_equilibrium",
    "a_figure_reference_rank",
    "a_figure_search",
    "a_table_sparsity",
    "a_table_summarization",
    "a_table_translation",
    "b_figure_distillation",
    "b_figure_distillation_grid",
    "b_figure_mutual_information",
    "b_figure_projection",
    "b_figure_reliability_translation",
    "b_figure_temperature",
    "b_table_accuracy",
    "b_table_calibration",
    "b_table_distillation_mnist",
    "b_table_family_calibration",
    "b_table_perplexity",
    "b_table_teachers",
)
