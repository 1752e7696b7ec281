# The maximal model by lme4 with lmerTest: arguments are a file of ratings and how often to time. Prints one line of JSON.
suppressMessages(library(lmerTest))
asked <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(asked[1], stringsAsFactors = TRUE)
took <- c()
for (n in 0:as.integer(asked[2])) {
  began <- proc.time()[["elapsed"]]
  model <- lmer(
    rating ~ condition + (1 | listener) + (1 | item) + (1 | listener:condition) + (1 | item:condition), ratings
  )
  pairs <- difflsmeans(model)
  took <- c(took, proc.time()[["elapsed"]] - began)
}
list_of <- function(values) paste0("[", paste(values, collapse = ", "), "]")
numbers <- function(name) list_of(sprintf("%.15g", pairs[[name]]))
texts <- function(values) list_of(sprintf('"%s"', values))
fields <- c(
  s = sprintf("%.6f", median(took[-1])), # the first one is not counted
  deviance = sprintf("%.15g", REMLcrit(model)),
  pairs = texts(gsub("condition", "", rownames(pairs), fixed = TRUE)),
  difference = numbers("Estimate"), se = numbers("Std. Error"), df = numbers("df"),
  versions = sprintf(
    '{"R": "%s", "lme4": "%s", "lmerTest": "%s"}',
    getRversion(), packageVersion("lme4"), packageVersion("lmerTest")
  )
)
cat("{", paste0('"', names(fields), '": ', fields, collapse = ", "), "}\n", sep = "")
