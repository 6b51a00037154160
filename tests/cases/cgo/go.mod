module lookups

go 1.19
