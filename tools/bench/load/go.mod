module refloat/load

go 1.22
