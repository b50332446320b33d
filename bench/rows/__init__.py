"""The rows of the table, by what they measure. Each function measures on a stage and answers its rows."""
