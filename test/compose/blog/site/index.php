<?php
$db = new mysqli('db', getenv('DB_USER'), getenv('DB_PASSWORD'), 'blog');
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $insert = $db->prepare('INSERT INTO posts (text) VALUES (?)');
    $insert->execute([file_get_contents('php://input')]);
}
echo getenv('BLOG_TITLE'), ':';
foreach ($db->query('SELECT text FROM posts ORDER BY id') as $post) echo ' ', $post['text'];
echo "\n";
