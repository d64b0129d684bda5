"""What somebody who means harm, or a very large client, does to a server: nobody else may feel it."""
