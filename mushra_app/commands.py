"""The commands of this room, for ``mushra_app.cli``: name to (where it is, what it does)."""

COMMANDS = {
    "account": (
        "mushra_app.people.account_cli:account",
        "Say who may into the studio, and what they may do there.",
    ),
    "bundle": (
        "mushra_app.bundle_cli:bundle",
        "Pack all that somebody needs to make a study's report again: ratings, plan, report, sounds.",
    ),
    "config": ("mushra_app.server_cli:config", "Show the settings and where they come from; secrets are masked."),
    "db": (
        "mushra_app.operation.db_cli:db",
        "Back up, restore and check database and sounds; bring the tables to this release's.",
    ),
    "demo": (
        "mushra_app.demo:demo",
        "The whole way once: demo songs, stimuli, server; --simulate adds listeners and a report.",
    ),
    "design": (
        "mushra_app.design_cli:design",
        "Print who will hear what in which order, how balanced that is, and how long it takes; needs no sounds.",
    ),
    "doctor": ("mushra_app.doctor:doctor", "Say what is installed, what is missing, and how to mend it."),
    "export": ("mushra_app.server_cli:export", "Write every rating to a file: CSV in several shapes, or Parquet."),
    "import": (
        "mushra_app.server_cli:import_answers",
        "Store the answers that a listener downloaded while the server was away.",
    ),
    "place": (
        "mushra_app.place_cli:place",
        "Write down how the listening places of a lab are calibrated, or list them.",
    ),
    "publish": ("mushra_app.server_cli:publish", "Put a built stimulus set into the database, ready for listeners."),
    "replicate": (
        "mushra_app.replicate_cli:replicate",
        "Put a replication bundle back into a database: the study, its sounds and everything that was rated.",
    ),
    "serve": ("mushra_app.server_cli:serve", "Serve the published listening tests."),
    "simulate": (
        "mushra_app.simulated.cli:simulate",
        "Let simulated listeners take a test over HTTP and in a real browser.",
    ),
    "study": (
        "mushra_app.study.study_cli:study",
        "Say how the studies are, open, pause, close or archive them, and invite their listeners.",
    ),
    "withdraw": ("mushra_app.server_cli:withdraw", "Withdraw a listener by their code, and erase what they wrote."),
    "worker": ("mushra_app.worker_cli:worker", "Run the jobs that the studio asked for: reports, bundles and checks."),
}
